package rules

import "github.com/linewarden/linewarden/registry"

// approvalBook finds the approvals of cross-border business by who holds them.
type approvalBook struct {
	rows map[string][]registry.Approval // by enterprise
}

func newApprovalBook(s *registry.Snapshot) *approvalBook {
	b := &approvalBook{rows: make(map[string][]registry.Approval)}
	for _, a := range s.Ledgers().Approvals {
		if a.Kind == "cross_border" && a.EnterpriseID != "" {
			b.rows[a.EnterpriseID] = append(b.rows[a.EnterpriseID], a)
		}
	}
	return b
}

// crossBorder reports whether an enterprise or its group has an approval of
// cross-border business on the view's day. One for a line covers that line
// alone; without a line in question any approval does.
func (b *approvalBook) crossBorder(v *registry.View, enterprise, line string) bool {
	for holder, rows := range b.rows {
		if holder != enterprise && !v.Siblings(holder, enterprise) {
			continue
		}
		for i := range rows {
			if rows[i].Valid.Contains(v.Day()) && (line == "" || rows[i].LineID == "" || rows[i].LineID == line) {
				return true
			}
		}
	}
	return false
}
