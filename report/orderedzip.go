package report

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/xuri/excelize/v2"
)

// orderedZip writes the parts of a workbook in the order of their names when it
// is closed. The library hands them over in the order of a map, so that two
// files of the same content would differ.
type orderedZip struct {
	out   *zip.Writer
	parts map[string]*bytes.Buffer
}

var _ excelize.ZipWriter = (*orderedZip)(nil)

func newOrderedZip(w io.Writer) excelize.ZipWriter {
	return &orderedZip{out: zip.NewWriter(w), parts: make(map[string]*bytes.Buffer)}
}

// Create implements excelize.ZipWriter.
func (z *orderedZip) Create(name string) (io.Writer, error) {
	part := &bytes.Buffer{}
	z.parts[name] = part
	return part, nil
}

// AddFS implements excelize.ZipWriter.
func (z *orderedZip) AddFS(dir fs.FS) error {
	if err := z.out.AddFS(dir); err != nil {
		return fmt.Errorf("add files: %w", err)
	}
	return nil
}

// Close implements excelize.ZipWriter.
func (z *orderedZip) Close() error {
	for _, name := range slices.Sorted(maps.Keys(z.parts)) {
		part, err := z.out.Create(name)
		if err == nil {
			_, err = part.Write(z.parts[name].Bytes())
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := z.out.Close(); err != nil {
		return fmt.Errorf("end the workbook: %w", err)
	}
	return nil
}
