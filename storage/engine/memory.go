package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usualMemory is assumed where the system does not say, in bytes.
const usualMemory = 4 << 30

// memoryOfMachine is how much memory there is for this process, in bytes: what
// the machine has, or what its control group (version 2) allows. Root is / but
// in tests.
func memoryOfMachine(root string) int64 {
	memory := int64(usualMemory)
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err == nil {
		for line := range bytes.Lines(text) {
			fields := strings.Fields(string(line))
			if len(fields) >= 2 && fields[0] == "MemTotal:" {
				if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
					memory = kib << 10
				}
			}
		}
	}
	text, err = os.ReadFile(filepath.Join(root, "sys/fs/cgroup/memory.max"))
	if err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			memory = min(memory, limit)
		}
	}
	return memory
}
