package engine

import (
	"fmt"
	"io"
	"sync"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// writer sends packets, each one whole: the progress of a statement is sent by
// another goroutine than its result.
type writer struct {
	revision int

	mu     sync.Mutex // guards everything below
	to     io.Writer
	buf    proto.Buffer // a packet
	err    error        // the first one; nothing is sent after it
	packer *compress.Writer
}

// send fills a packet and sends it.
func (w *writer) send(fill func(*proto.Buffer)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.buf.Reset()
	fill(&w.buf)
	return w.flush(w.buf.Buf)
}

// flush writes; the lock is held.
func (w *writer) flush(b []byte) error {
	if _, err := w.to.Write(b); err != nil {
		w.err = fmt.Errorf("send: %w", err)
		return w.err
	}
	return nil
}

// block sends a data packet. The block has no info in front.
func (w *writer) block(block []byte, compressed bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.buf.Reset()
	proto.ServerCodeData.Encode(&w.buf)
	w.buf.PutString("") // no temporary table
	if !compressed {
		proto.BlockInfo{BucketNum: -1}.Encode(&w.buf)
		if err := w.flush(w.buf.Buf); err != nil {
			return err
		}
		return w.flush(block)
	}
	if w.packer == nil {
		w.packer = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	if err := w.flush(w.buf.Buf); err != nil {
		return err
	}
	w.buf.Reset()
	proto.BlockInfo{BucketNum: -1}.Encode(&w.buf)
	w.buf.Buf = append(w.buf.Buf, block...)
	for rest := w.buf.Buf; len(rest) > 0; {
		n := min(len(rest), frameSize)
		if err := w.packer.Compress(rest[:n]); err != nil {
			w.err = fmt.Errorf("compress: %w", err)
			return w.err
		}
		if err := w.flush(w.packer.Data); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if cap(w.buf.Buf) > keptBuffer {
		w.buf.Buf = nil
	}
	return nil
}

func (w *writer) exception(e *exception) error {
	return w.send(func(b *proto.Buffer) {
		proto.ServerCodeException.Encode(b)
		wire := proto.Exception{Code: proto.Error(e.code), Name: "DB::Exception", Message: "DB::Exception: " + e.message}
		wire.EncodeAware(b, w.revision)
	})
}

// progress tells how far a statement is. Clients that know nothing of rows that
// are written fail when they are told while they insert.
func (w *writer) progress(p proto.Progress) error {
	if !proto.FeatureClientWriteInfo.In(w.revision) {
		return nil
	}
	return w.send(func(b *proto.Buffer) {
		proto.ServerCodeProgress.Encode(b)
		p.EncodeAware(b, w.revision)
	})
}

// end sends what stands at the end of every statement that succeeded.
func (w *writer) end(p *proto.Profile) error {
	return w.send(func(b *proto.Buffer) {
		if p != nil {
			// Old clients fail without the last flag.
			p.CalculatedRowsBeforeLimit = true
			p.EncodeAware(b, w.revision)
		}
		proto.ServerCodeEndOfStream.Encode(b)
	})
}

func (w *writer) pong() error { return w.send(proto.ServerCodePong.Encode) }
