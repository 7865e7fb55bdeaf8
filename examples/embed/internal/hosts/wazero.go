package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Module is the WebAssembly module in wazero. It is not safe for concurrent
// use.
type Module struct {
	runtime           wazero.Runtime
	module            api.Module
	alloc, free, call api.Function
}

// OpenModule starts the module. It is given no file, no environment, no network
// and no clock but a false one.
func OpenModule(ctx context.Context, wasm []byte) (_ *Module, err error) {
	r := wazero.NewRuntime(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close(ctx))
		}
	}()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, fmt.Errorf("module: %w", err)
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		return nil, fmt.Errorf("module: %w", err)
	}
	return &Module{
		runtime: r, module: m, alloc: m.ExportedFunction("alloc"), free: m.ExportedFunction("free"),
		call: m.ExportedFunction("call"),
	}, nil
}

// Close ends the module.
func (m *Module) Close(ctx context.Context) error { return m.runtime.Close(ctx) }

// Call has the module answer a message.
func (m *Module) Call(ctx context.Context, message []byte) (answer []byte, err error) {
	at, err := m.alloc.Call(ctx, uint64(len(message)))
	if err != nil {
		return nil, fmt.Errorf("module: alloc: %w", err)
	}
	if at[0] == 0 || !m.module.Memory().Write(uint32(at[0]), message) {
		return nil, fmt.Errorf("module: no memory for a message of %d bytes", len(message))
	}
	packed, err := m.call.Call(ctx, at[0], uint64(len(message)))
	if err != nil {
		return nil, fmt.Errorf("module: call: %w", err)
	}
	address, length := uint32(packed[0]>>32), uint32(packed[0])
	view, ok := m.module.Memory().Read(address, length)
	if !ok {
		return nil, fmt.Errorf("module: no answer at %d, %d bytes", address, length)
	}
	answer = bytes.Clone(view) // the memory changes with the next call
	for _, block := range []uint64{at[0], uint64(address)} {
		if _, err := m.free.Call(ctx, block); err != nil {
			return nil, fmt.Errorf("module: free: %w", err)
		}
	}
	return answer, nil
}
