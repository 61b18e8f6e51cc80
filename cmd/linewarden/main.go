package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of every command.
const (
	exitDone   = 0 // the work is done
	exitFailed = 1 // the work failed or found invalid input
	exitUsage  = 2 // the command line is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, io streams) int {
	root := newRoot(io) //nolint:contextcheck // commands get their context when they run
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(io.err, "linewarden:", err)
		fmt.Fprintln(io.err, "Run 'linewarden --help' for the commands and their flags.")
		return exitUsage
	case !errors.Is(err, errSilent):
		fmt.Fprintln(io.err, "linewarden:", err)
	}
	return exitFailed
}
