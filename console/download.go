package console

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
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

// download answers with a file that is made whole before it is sent, so that
// what has failed is told.
func (s *Console) download(w http.ResponseWriter, r *http.Request, name string, write func(to io.Writer) error) {
	var file limitedBuffer
	if err := write(&file); err != nil {
		if errors.Is(err, errTooLarge) {
			s.refuse(w, r, http.StatusUnprocessableEntity, err)
			return
		}
		s.storeFailed(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(file.Len()))
	if _, err := file.WriteTo(w); err != nil {
		s.Log.Debug("download not delivered", "err", err)
	}
}
