package progress

import (
	"os"

	"golang.org/x/sys/windows"
)

// understands asks the console to obey escape sequences, and says whether it
// does.
func understands(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	err := windows.GetConsoleMode(console, &mode)
	return err == nil && windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
