package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/storage/engine"
)

func newEngine(g *globals) *cobra.Command {
	var (
		path, listen, library string
		memory                int64
	)
	c := &cobra.Command{
		Use:   "engine --path DIR --listen ADDR",
		Short: "Run the embedded ClickHouse engine behind the native protocol",
		Long: "engine serves the embedded ClickHouse engine on a loopback address or a unix socket\n" +
			"(unix:///path). serve starts it by itself when no ClickHouse server is configured.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				cfg, err := g.config()
				if err != nil {
					return err
				}
				path = cfg.Storage.Embedded.Path
			}
			abs, err := filepath.Abs(path)
			if err != nil {
				return err
			}
			return engine.Run(cmd.Context(), engine.Config{Path: abs, Listen: listen, Library: library, MaxMemory: memory, Logger: g.logger()})
		},
	}
	c.Flags().StringVar(&path, "path", "", "`directory` of the data (default storage.embedded.path)")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:19000", "`address` to listen on: loopback host:port or unix:///path")
	c.Flags().StringVar(&library, "library", "", "`file` of libchdb (default: the user's cache and the system's library folders)")
	c.Flags().Int64Var(&memory, "memory", 0, "most memory of the engine in `bytes` (default half of the machine's)")
	return c
}
