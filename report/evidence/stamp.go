package evidence

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"

	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
)

// Stamp writes a package once more with a time-stamp of its manifest, which must
// be about it; an earlier one is replaced. All other files stay as they are.
func Stamp(w io.Writer, r io.ReaderAt, size int64, answer []byte) error {
	files, err := filesOf(r, size)
	if err != nil {
		return err
	}
	if _, err := timestamp.Check(answer, files[signed.ManifestName], nil); err != nil {
		return fmt.Errorf("put the time-stamp into the evidence package: %w", err)
	}
	files[signed.TimestampName] = answer
	return archive(w, files)
}

// ManifestOf returns the manifest of a package as it is, unchecked.
func ManifestOf(r io.ReaderAt, size int64) ([]byte, error) {
	files, err := filesOf(r, size)
	return files[signed.ManifestName], err
}

// filesOf returns the files of a package by their names; a manifest is among
// them.
func filesOf(r io.ReaderAt, size int64) (map[string][]byte, error) {
	archived, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(archived.File)+1)
	for _, f := range archived.File {
		if files[f.Name], err = content(f); err != nil {
			return nil, err
		}
	}
	if files[signed.ManifestName] == nil {
		return nil, fmt.Errorf("%w: it has no %s", ErrPackage, signed.ManifestName)
	}
	return files, nil
}

// maxFile is the largest file of a package that is copied, in bytes.
const maxFile = 256 << 20

func content(f *zip.File) (text []byte, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, f.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	text, err = io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, f.Name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrPackage, f.Name, maxFile)
	}
	return text, nil
}
