package spool

import (
	"fmt"
	"testing"
)

// BenchmarkSpool takes entries of the size of sealed batches through a spool:
// append, next, acknowledge.
func BenchmarkSpool(b *testing.B) {
	for _, size := range []int{20 << 20, 200 << 10} {
		for _, synced := range []bool{false, true} {
			b.Run(fmt.Sprintf("size=%dk/sync=%t", size>>10, synced), func(b *testing.B) {
				s := mustOpen(b, Config{Dir: b.TempDir(), Sync: synced, AtFull: DropNewest})
				e := entryOf(1, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					id, err := s.Append(b.Context(), e)
					if err != nil {
						b.Fatal(err)
					}
					got, err := s.Next(b.Context())
					if err != nil || got.ID != id || len(got.Body) != size {
						b.Fatal(got.ID, err)
					}
					if err := s.Ack(id); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
