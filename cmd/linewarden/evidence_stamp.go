package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
)

func newEvidenceStamp(g *globals) *cobra.Command {
	var request, answer string
	c := &cobra.Command{
		Use: "stamp PATH --request FILE.tsq | --timestamp FILE.tsr", Short: "Ask for a time-stamp of a package or report, or put one in", Args: cobra.ExactArgs(1),
		Long: "stamp takes an evidence package (FILE.zip) or the directory of a report. With --request it writes\n" +
			"what a time-stamping authority is asked about the manifest (RFC 3161); carrying it there is for\n" +
			"you. With --timestamp it puts the answer in, beside the manifest, when it is about this one.\n" +
			"linewarden verify --tsa-ca checks it. It needs no store.",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case (request == "") == (answer == ""):
				return usagef("say either --request FILE.tsq or --timestamp FILE.tsr")
			case request != "":
				if _, err := os.Stat(request); err == nil {
					return fmt.Errorf("%s is there already; name another file", request)
				}
				return writeRequest(args[0], request)
			}
			return g.putStamp(args[0], answer)
		},
	}
	c.Flags().StringVar(&request, "request", "", "`file` to write the request to")
	c.Flags().StringVar(&answer, "timestamp", "", "`file` with the answer of the authority")
	return c
}

// writeRequest asks for a time-stamp of the manifest of a package or report.
func writeRequest(path, file string) error {
	manifest, err := manifestOf(path)
	if err != nil {
		return err
	}
	der, err := timestamp.Request(manifest)
	if err != nil {
		return err
	}
	return writeFileWhole(file, der)
}

// manifestOf reads the manifest of a package or report, which is checked by who
// verifies it.
func manifestOf(path string) (manifest []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	if info.IsDir() {
		manifest, err = os.ReadFile(filepath.Join(path, signed.ManifestName))
	} else {
		err = withPackage(path, func(f *os.File, size int64) error {
			manifest, err = evidence.ManifestOf(f, size)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest of %s: %w", path, err)
	}
	return manifest, nil
}

func withPackage(path string, use func(f *os.File, size int64) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return use(f, info.Size())
}

// putStamp puts the answer of an authority into a package or report.
func (g *globals) putStamp(path, answer string) error {
	der, err := os.ReadFile(answer)
	if err != nil {
		return fmt.Errorf("read the time-stamp: %w", err)
	}
	manifest, err := manifestOf(path)
	if err != nil {
		return err
	}
	stamp, err := timestamp.Check(der, manifest, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", answer, err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		name := filepath.Join(path, signed.TimestampName)
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already", name)
		}
		err = writeFileWhole(name, der)
		if err != nil {
			return err
		}
		fmt.Fprint(g.err, stampText(stamp))
		return nil
	}
	var b bytes.Buffer
	err = withPackage(path, func(f *os.File, size int64) error { return evidence.Stamp(&b, f, size, der) })
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := g.writeOut(path, func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err }); err != nil {
		return err
	}
	fmt.Fprint(g.err, stampText(stamp))
	return nil
}
