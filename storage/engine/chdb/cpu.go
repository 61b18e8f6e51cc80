package chdb

import (
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// checkCPU tells whether this processor can run the pinned library. The
// library is built for x86-64-v3 and would die of an illegal instruction, with
// no word of explanation, on anything older.
func checkCPU() error {
	if runtime.GOARCH != "amd64" {
		return nil
	}
	return checkFeatures([]cpuFeature{
		{"AVX2", cpu.X86.HasAVX2},
		{"BMI1", cpu.X86.HasBMI1},
		{"BMI2", cpu.X86.HasBMI2},
		{"FMA", cpu.X86.HasFMA},
	})
}

// cpuFeature is one instruction set extension and whether it is there.
type cpuFeature struct {
	name    string
	present bool
}

// checkFeatures names every missing extension in one error.
func checkFeatures(features []cpuFeature) error {
	var missing []string
	for _, f := range features {
		if !f.present {
			missing = append(missing, f.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: this processor (or virtual machine) lacks %s; use a machine that has it, or configure a ClickHouse server",
		ErrCPU, strings.Join(missing, ", "))
}
