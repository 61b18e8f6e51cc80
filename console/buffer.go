package console

import (
	"bytes"
)

// mostDownload bounds a file that is made in memory, in bytes.
const mostDownload = 256 << 20

// errTooLarge means that a file would not fit.
var errTooLarge = because("file_too_large", mostDownload)

// limitedBuffer is a buffer that refuses to grow beyond mostDownload.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > mostDownload {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}
