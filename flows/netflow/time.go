package netflow

import (
	"math"
	"time"
)

// ntpEpoch is the start of NTP time in seconds before that of Unix time.
const ntpEpoch = 2_208_988_800

// maxFlow is how long a flow may have lasted. Active timeouts end flows after
// half an hour at most in practice.
const maxFlow = 24 * time.Hour

// upTime returns the Unix time in nanoseconds of a count of milliseconds since
// the system came up, given that the export time had the count at.uptime. Both
// counts wrap after 49.7 days, so that their difference is taken modulo 2^32.
func upTime(at *moment, up uint32) int64 {
	return at.export + int64(int32(up-at.uptime))*int64(time.Millisecond)
}

// sinceSystemUp does the same where the time of start-up is known instead of
// the uptime.
func sinceSystemUp(at *moment, systemUp int64, up uint32) int64 {
	const ms = int64(time.Millisecond)
	uptime := (at.export - systemUp) / ms
	return systemUp + (uptime+int64(int32(up-uint32(uptime))))*ms
}

// scale returns n units as nanoseconds. A value that has no such time gives the
// farthest one, which no arrival is near.
func scale(n uint64, unit time.Duration) int64 {
	if n > uint64(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return int64(n) * int64(unit)
}

// ntp returns the Unix time in nanoseconds of an NTP timestamp (RFC 7011
// sections 6.1.9 and 6.1.10), rounded to the unit that its element has: the
// fraction is a multiple of 2^-32 s, which is rarely a whole number of it.
// Seconds before 1970 are those of the era that begins in 2036.
func ntp(b []byte, unit time.Duration) int64 {
	seconds, fraction := int64(be32(b)), uint64(be32(b[4:]))
	if seconds < ntpEpoch {
		seconds += 1 << 32
	}
	if unit == time.Microsecond {
		fraction &^= 0x7ff // not significant, section 6.1.9
	}
	units := (fraction*uint64(time.Second/unit) + 1<<31) >> 32
	return (seconds-ntpEpoch)*int64(time.Second) + int64(units)*int64(unit)
}

func (w *row) setStart(t int64) { w.start, w.has = t, w.has|hasStart }
func (w *row) setEnd(t int64)   { w.end, w.has = t, w.has|hasEnd }

func setStartNTPNano(w *row, b []byte)  { w.setStart(ntp(b, time.Nanosecond)) }
func setStartNTPMicro(w *row, b []byte) { w.setStart(ntp(b, time.Microsecond)) }
func setStartMilli(w *row, b []byte)    { w.setStart(scale(number(b), time.Millisecond)) }
func setStartSeconds(w *row, b []byte)  { w.setStart(scale(number(b), time.Second)) }
func setEndNTPNano(w *row, b []byte)    { w.setEnd(ntp(b, time.Nanosecond)) }
func setEndNTPMicro(w *row, b []byte)   { w.setEnd(ntp(b, time.Microsecond)) }
func setEndMilli(w *row, b []byte)      { w.setEnd(scale(number(b), time.Millisecond)) }
func setEndSeconds(w *row, b []byte)    { w.setEnd(scale(number(b), time.Second)) }

// Deltas are microseconds before the export time (elements 158 and 159).
func setStartDelta(w *row, b []byte) { w.setStart(w.at.export - delta(b)) }
func setEndDelta(w *row, b []byte)   { w.setEnd(w.at.export - delta(b)) }

func delta(b []byte) int64 { return scale(number(b)&math.MaxUint32, time.Microsecond) }

// Elements 22 and 21 are relative to sysUptime, which the header of v9 tells.
// That of IPFIX does not: these wait for element 160.
func setStartUp(w *row, b []byte) { w.start, w.has = int64(number(b)), w.has|hasStartUp }
func setEndUp(w *row, b []byte)   { w.end, w.has = int64(number(b)), w.has|hasEndUp }

func setSystemUp(w *row, b []byte) {
	if t := scale(number(b), time.Millisecond); t > 0 && t < math.MaxInt64 {
		w.systemUp, w.has = t, w.has|hasSystemUp
	}
}

func setDurationMilli(w *row, b []byte) {
	w.duration, w.has = scale(number(b), time.Millisecond), w.has|hasDuration
}

func setDurationMicro(w *row, b []byte) {
	w.duration, w.has = scale(number(b), time.Microsecond), w.has|hasDuration
}

func setReverseStartNTPNano(w *row, b []byte)  { w.setReverseStart(ntp(b, time.Nanosecond)) }
func setReverseStartNTPMicro(w *row, b []byte) { w.setReverseStart(ntp(b, time.Microsecond)) }
func setReverseStartMilli(w *row, b []byte)    { w.setReverseStart(scale(number(b), time.Millisecond)) }
func setReverseStartSeconds(w *row, b []byte)  { w.setReverseStart(scale(number(b), time.Second)) }
func setReverseEndNTPNano(w *row, b []byte)    { w.setReverseEnd(ntp(b, time.Nanosecond)) }
func setReverseEndNTPMicro(w *row, b []byte)   { w.setReverseEnd(ntp(b, time.Microsecond)) }
func setReverseEndMilli(w *row, b []byte)      { w.setReverseEnd(scale(number(b), time.Millisecond)) }
func setReverseEndSeconds(w *row, b []byte)    { w.setReverseEnd(scale(number(b), time.Second)) }

func (w *row) setReverseStart(t int64) { w.reverseStart, w.has = t, w.has|hasReverseStart }
func (w *row) setReverseEnd(t int64)   { w.reverseEnd, w.has = t, w.has|hasReverseEnd }
