package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that also reads days: 90s, 10m, 7d, 10y.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "y": 365 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			v, err := strconv.ParseUint(n, 10, 16)
			if err != nil || time.Duration(v) > (1<<62)/unit {
				return fmt.Errorf("%q is not a duration such as 90s, 10m, 7d or 10y", s)
			}
			*d = Duration(time.Duration(v) * unit)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 90s, 10m, 7d or 10y", s)
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes that reads units: 512, 64KiB, 32MiB, 20GiB.
type Size int64

// sizePattern is a whole number and a binary unit.
var sizePattern = regexp.MustCompile(`^(\d{1,15})\s*(B|KiB|MiB|GiB|TiB)?$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (z *Size) UnmarshalText(text []byte) error {
	m := sizePattern.FindStringSubmatch(string(text))
	if m == nil {
		return fmt.Errorf("%q is not a size such as 512, 64KiB, 32MiB or 20GiB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a size: %w", text, err)
	}
	shift := map[string]uint{"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
	if n > (1<<62)>>shift {
		return fmt.Errorf("%q is larger than any disk", text)
	}
	*z = Size(n << shift)
	return nil
}

// envPattern is ${NAME} in a configuration file.
var envPattern = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expandEnv replaces ${NAME} by the environment; an unset name is empty.
func expandEnv(text []byte) []byte {
	return envPattern.ReplaceAllFunc(text, func(m []byte) []byte {
		return []byte(os.Getenv(string(m[2 : len(m)-1])))
	})
}

// errEmptyFile returns the error the YAML decoder gives for a file without
// content, which is a valid configuration.
func errEmptyFile(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return io.EOF
	}
	return errors.New("not empty")
}

// checkAddress checks host:port with a numeric port.
func checkAddress(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not host:port or :port", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("%q has no port from 0 to 65535", addr)
	}
	return nil
}
