package timestamp

import (
	"fmt"

	"github.com/linewarden/linewarden/report/signed"
)

// Of checks the time-stamp of the manifest of what was sealed. The problem says
// what is wrong, and is empty where nothing is: without a time-stamp, if no
// authority was given that should have made one.
func Of(o *signed.Opened, trust *Trust) (s *Stamp, problem string) {
	if o.Timestamp == nil {
		if trust != nil {
			return nil, fmt.Sprintf("there is no %s: nobody has stamped it", signed.TimestampName)
		}
		return nil, ""
	}
	s, err := Check(o.Timestamp, o.Manifest, trust)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", signed.TimestampName, err)
	}
	return s, ""
}
