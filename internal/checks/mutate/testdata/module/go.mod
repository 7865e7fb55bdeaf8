module example.com/limits

go 1.25.0
