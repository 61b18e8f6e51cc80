package collector

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"
)

// Config is the collector section of the configuration file. Its zero value is
// not useful; start from DefaultConfig.
type Config struct {
	// Netflow and SFlow say where datagrams are expected. The protocol is told
	// by the datagram itself, so that any of them may come to any port.
	Netflow Listen `yaml:"netflow"`
	SFlow   Listen `yaml:"sflow"`
	// Clock says what to do with event times that cannot be true.
	Clock Clock `yaml:"clock"`
	// Admit says whose datagrams are taken.
	Admit Admission `yaml:"admit"`
	// Parking bounds what waits for a template or a sampling rate.
	Parking Parking `yaml:"parking"`
	// ReceiveBuffer is the kernel's buffer of each socket, in bytes of kernel
	// memory. The kernel gives less where net.core.rmem_max is smaller and the
	// process lacks CAP_NET_ADMIN.
	ReceiveBuffer int `yaml:"receive_buffer"`
	// StateFile keeps templates, sampling rates and, at an orderly end, sequence
	// numbers over a restart; empty keeps none. StateEvery is how often it is
	// written while running.
	StateFile  string        `yaml:"state_file"`
	StateEvery time.Duration `yaml:"state_every"`
	// BooksEvery is how often the books are written to the store.
	BooksEvery time.Duration `yaml:"books_every"`
	// DrainTimeout bounds how long an orderly end may take.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// Listen is a set of UDP addresses to receive on.
type Listen struct {
	// Listen are addresses as net.ListenPacket takes them, such as ":2055".
	Listen []string `yaml:"listen"`
	// Workers is how many sockets share each address, 0 for one per core.
	Workers int `yaml:"workers"`
}

// OnSkew is what becomes of a record whose event time is too far from its
// arrival.
type OnSkew string

// The policies for skewed clocks.
const (
	// UseReceiveTime keeps the record with its arrival as event time.
	UseReceiveTime OnSkew = "use_receive_time"
	// KeepEventTime keeps the record as the exporter sent it.
	KeepEventTime OnSkew = "keep"
)

// Clock bounds how far event time may be from arrival.
type Clock struct {
	// MaxSkew is the distance that is still believed.
	MaxSkew time.Duration `yaml:"max_skew"`
	// OnSkew is the policy beyond it.
	OnSkew OnSkew `yaml:"on_skew"`
}

// Parking bounds what waits for a template or a sampling rate, over all
// exporters together.
type Parking struct {
	// MaxBytes bounds the memory of what waits.
	MaxBytes int `yaml:"max_bytes"`
	// MaxAge bounds how long it waits.
	MaxAge time.Duration `yaml:"max_age"`
}

// DefaultConfig returns the configuration of an empty file.
func DefaultConfig() Config {
	return Config{
		Netflow:       Listen{Listen: []string{":2055", ":4739"}},
		SFlow:         Listen{Listen: []string{":6343"}},
		Clock:         Clock{MaxSkew: 10 * time.Minute, OnSkew: UseReceiveTime},
		Parking:       Parking{MaxBytes: 64 << 20, MaxAge: 10 * time.Minute},
		ReceiveBuffer: 32 << 20,
		StateFile:     "data/state/netflow.state",
		StateEvery:    time.Minute,
		BooksEvery:    10 * time.Second,
		DrainTimeout:  20 * time.Second,
	}
}

// Validate returns every problem of the configuration, each with its key.
func (c Config) Validate() error {
	var problems []error
	problem := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("collector.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for _, section := range []struct {
		key string
		Listen
	}{{"netflow", c.Netflow}, {"sflow", c.SFlow}} {
		for _, address := range section.Listen.Listen {
			if _, _, err := net.SplitHostPort(address); err != nil {
				problem(section.key+".listen", "%q is not an address of the form host:port or :port", address)
			}
		}
		if section.Workers < 0 {
			problem(section.key+".workers", "%d is negative; 0 means one per core", section.Workers)
		}
	}
	if c.Clock.OnSkew != UseReceiveTime && c.Clock.OnSkew != KeepEventTime {
		problem("clock.on_skew", "%q is neither %q nor %q", c.Clock.OnSkew, UseReceiveTime, KeepEventTime)
	}
	c.Admit.validate(problem)
	if c.Parking.MaxBytes < 0 {
		problem("parking.max_bytes", "%d is negative", c.Parking.MaxBytes)
	}
	if c.ReceiveBuffer < 0 {
		problem("receive_buffer", "%d is negative", c.ReceiveBuffer)
	}
	for _, span := range []struct {
		key   string
		value time.Duration
	}{
		{"clock.max_skew", c.Clock.MaxSkew},
		{"parking.max_age", c.Parking.MaxAge},
		{"state_every", c.StateEvery},
		{"books_every", c.BooksEvery},
		{"drain_timeout", c.DrainTimeout},
	} {
		if span.value <= 0 {
			problem(span.key, "%s is not a positive duration", span.value)
		}
	}
	return errors.Join(problems...)
}

// workers returns how many sockets share each address of l.
func (l Listen) workers() int {
	if l.Workers > 0 {
		return l.Workers
	}
	return runtime.GOMAXPROCS(0)
}
