package report

import (
	"fmt"
	"strings"
)

// Handling is how an export is to be handled, as it is written on the export
// itself and into its manifest.
type Handling struct {
	Masked bool `json:"masked"`
	// MaskV4 and MaskV6 are the longest prefixes of third parties, in bits; 0
	// where nothing was masked.
	MaskV4    int    `json:"third_party_prefix_v4"`
	MaskV6    int    `json:"third_party_prefix_v6"`
	Reason    string `json:"unmasked_reason"`
	By        string `json:"unmasked_by"`
	Recipient string `json:"recipient"`
	Purpose   string `json:"purpose"`
	Expires   string `json:"expires"`
	// Basis is the statutory duty the export rests on (PIPL, article 13).
	Basis string `json:"basis"`
}

// basis is the duty every export rests on where nothing else is said.
const basis = "工信部信管函〔2017〕32号 三、四；个人信息保护法第十三条（履行法定职责或者法定义务）"

// Handling says how an export is to be handled.
func (p *Privacy) Handling() Handling {
	h := Handling{
		Masked: !p.Unmasked, Reason: p.Reason, By: p.By, Recipient: p.Recipient, Purpose: p.Purpose, Expires: p.Expires.String(), Basis: basis,
	}
	if h.Masked {
		h.MaskV4, h.MaskV6 = p.Mask.V4, p.Mask.V6
	}
	return h
}

// Watermark is what stands across every page.
func (h Handling) Watermark(language string) string {
	var parts []string
	for _, s := range []string{h.Recipient, h.Purpose} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if h.Expires != "" {
		valid := h.Expires + " 前有效"
		if language == "en" {
			valid = "until " + h.Expires
		}
		parts = append(parts, valid)
	}
	return strings.Join(parts, " · ")
}

// Class says in both languages whether an export is masked.
func (h Handling) Class() string {
	if h.Masked {
		return "内部 · 已脱敏 internal, masked"
	}
	return "内部 · 未脱敏 internal, not masked"
}

// Sheet are the rows of a sheet that says how a workbook is to be handled.
func (h Handling) Sheet() [][]any {
	return [][]any{
		{"密级与脱敏 class", h.Class()},
		{"未脱敏原因 reason for not masking", h.Reason},
		{"批准人 unmasked by", h.By},
		{"接收单位 recipient", h.Recipient},
		{"用途 purpose", h.Purpose},
		{"有效期至 valid until", h.Expires},
		{"处理依据 basis", h.Basis},
	}
}

// Line is the rows of Sheet that say something, as one line of text.
func (h Handling) Line() string {
	var parts []string
	for _, r := range h.Sheet() {
		if r[1] != "" {
			parts = append(parts, fmt.Sprintf("%s: %s", r[0], r[1]))
		}
	}
	return strings.Join(parts, "; ")
}
