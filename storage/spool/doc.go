// Package spool keeps entries on disk until somebody has taken them: a bounded,
// checksummed queue of segments that are only ever appended to, and that
// survives the end of the process at any instruction. An entry is a token, a
// few bytes that say what it is (meta) and a body; the package knows nothing of
// what they mean. Package storage puts sealed batches into it while the store
// is slow, down or refusing; nobody else imports it.
//
// # Files
//
// A spool is a directory (mode 0750, files 0640), all numbers little-endian:
//
//	lock                              held by flock; has the id of its process
//	position                          what is done with, see below
//	<base, 20 digits>-<marker>.seg    segments, in the order of their names
//
// A segment begins with 40 bytes: "LWSPOOL1", base (the number of its first
// entry), marker (64 random bits), time of creation, four bytes of zero and the
// CRC32C of all that. The name says the same, so that damage there costs
// nothing. Frames follow without padding:
//
//	 0  marker of the segment      8
//	 8  number of the entry        8   counts from 1; after a crash, from the last whole one
//	16  time of the append         8   ns since 1970, for people alone
//	24  length of the token        2
//	26  zero                       2
//	28  length of the meta         4
//	32  length of the body         4
//	36  CRC32C of token and meta   4
//	40  CRC32C of the body         4
//	44  CRC32C of bytes 0 to 43    4
//	48  token, meta, body
//
// The marker is what a reader looks for after damage. It is random, so neither
// a body nor an old block of the disk can pass for a frame. Numbers from the
// base of one segment to the base of the next belong to the first; a frame in
// it with a higher number is one that was taken back.
//
// The position is a pair of slots, 4096 bytes apart and written in turn, of
// "LWSPPOS1", a generation, the number up to which everything is done with, the
// first and the end of one range beyond it that was dropped, and a CRC32C. They
// are overwritten in place, which needs no room on a full disk; of two whole
// slots the higher generation counts.
//
// # What it guarantees
//
//   - When Append returns nil the entry survives kill -9 of the process, and
//     with Config.Sync the loss of power.
//   - Entries are delivered in the order of their numbers, which is that of the
//     appends whatever the clock does, whole and unchanged or not at all.
//   - Next hands out the same entry until it is acknowledged, across restarts
//     too. The position on disk never runs ahead of the acknowledgements.
//   - What is not delivered is reported to Config.Lost, with its meta as far as
//     that can be read: dropped because the spool is full, damaged, or torn off
//     by a crash. Damage costs the entries it touches, no others.
//   - An entry that Next has handed out is never dropped to make room.
//   - The files hold at most Config.MaxBytes together. Memory holds the largest
//     entry and a few hundred bytes per segment.
//   - A full disk or quota, or a short write, leaves no part of an entry; Append
//     says ErrDiskFull and works again when there is room. Acknowledging works
//     meanwhile.
//
// # What it does not guarantee
//
//   - Delivery exactly once: an entry comes again if the process ends before its
//     acknowledgement is written. The token is there so that the store can tell.
//   - That an entry whose Append failed, or was cut short by a crash, is not
//     delivered: it may have reached the disk. Only ErrFull, ErrTooLarge,
//     ErrClosed and the end of the context say for certain that it has not.
//   - Without Config.Sync, anything about the loss of power, save that what is
//     delivered is whole and what is missing in the middle is reported.
//   - To find out that its last entry was once whole: damage there looks like
//     an append that was cut short, and is reported as that.
//   - Room for several readers: one sender takes one entry at a time.
//   - That a loss is reported once: a crash between the report and the writing
//     of the position makes it appear again.
//
// To drop the oldest entries is to drop the oldest segment, or the second if
// the sender has an entry of the first; so up to Config.SegmentBytes more than
// necessary goes.
//
// # Locking
//
// Writers take turns (writing), so do those who flush (flushing) and readers
// (reading). One who has writing may take flushing; no other two are held
// together, and Close takes them one after the other. The mutex position.mu
// comes before Spool.mu; no file is touched under Spool.mu. There are no
// goroutines.
package spool
