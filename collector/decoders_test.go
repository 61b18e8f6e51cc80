package collector

import (
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/netflow"
	"github.com/linewarden/linewarden/flows/sflow"
)

// decoders returns the decoders of the product as its commands set them up.
func decoders(books *flows.Books) (*netflow.Decoder, *sflow.Decoder) {
	return netflow.New(netflow.Config{Books: books, MaxSkew: 24 * time.Hour}), sflow.New(sflow.Config{Books: books})
}
