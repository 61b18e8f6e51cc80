package console

import (
	"bytes"
	"errors"
	"fmt"
)

// mostDownload bounds a file that is made in memory, in bytes.
const mostDownload = 256 << 20

// errTooLarge means that a file would not fit.
var errTooLarge = errors.New("the file would be too large to be made here; use the command on the machine of the daemon")

// limitedBuffer is a buffer that refuses to grow beyond mostDownload.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > mostDownload {
		return 0, fmt.Errorf("%w (%d bytes are the limit)", errTooLarge, mostDownload)
	}
	return b.Buffer.Write(p)
}
