package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

func TestWorkday(t *testing.T) {
	for day, want := range map[string]bool{
		"2024-02-04": true,  // a Sunday, worked for the Spring Festival
		"2024-02-09": true,  // New Year's Eve of 2024 was no holiday yet
		"2024-02-12": false, // a Monday
		"2024-06-10": false,
		"2024-06-11": true,
		"2025-01-26": true,
		"2025-01-27": true,
		"2025-02-04": false,
		"2025-10-08": false,
		"2025-10-11": true,
		"2026-01-04": true,
		"2026-02-14": true,
		"2026-02-23": false,
		"2026-02-24": true,
		"2026-02-28": true,
		"2026-03-07": false, // an ordinary Saturday
		"2026-03-09": true,
		"2026-09-20": true,
		"2026-09-25": false,
		"2026-10-10": true,
		"2027-02-05": false,
		"2027-02-09": true, // not known to be off
		"2027-06-09": false,
		"2023-10-02": true, // of this year only weekends are known
		"2030-01-05": false,
	} {
		d, err := registry.ParseDate(day)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]*registry.Calendar{"nil": nil, "zero": {}} {
			if got := c.Workday(d); got != want {
				t.Errorf("%s calendar: %s is a working day: %v, want %v", name, day, got, want)
			}
		}
	}
}

// TestWorkdaysOfAYear counts what the arrangements of whole years add up to:
// moving days neither wins nor loses one, so the days off on weekdays, less the
// weekends worked, are the days of the law that do not fall on a weekend or are
// made up for.
func TestWorkdaysOfAYear(t *testing.T) {
	var c *registry.Calendar
	for year, want := range map[int]int{2024: 251, 2025: 248, 2026: 248} {
		if !slices.Contains(c.Years(), year) {
			t.Errorf("the arrangement of %d is not known", year)
		}
		n := 0
		for d := registry.NewDate(year, time.January, 1); d < registry.NewDate(year+1, time.January, 1); d++ {
			if c.Workday(d) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d has %d working days, want %d", year, n, want)
		}
	}
	if slices.Contains(c.Years(), 2027) {
		t.Error("2027 is said to be arranged")
	}
}

func TestReadCalendar(t *testing.T) {
	c, problems := registry.ReadCalendar(strings.NewReader("\ufeffdate,kind,name\r\n2027-02-09,holiday,春节\r\n2027-02-20,workday,春节调休\r\n\r\n2026-03-09,holiday,\r\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for day, want := range map[string]bool{"2027-02-09": false, "2027-02-20": true, "2026-03-09": false, "2026-02-14": true, "2026-03-10": true} {
		d, err := registry.ParseDate(day)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Workday(d); got != want {
			t.Errorf("%s is a working day: %v, want %v", day, got, want)
		}
	}
}

func TestReadCalendarProblems(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":  {"", []string{"calendar.csv:1:1: the file is empty; it needs at least the row of column names"}},
		"column": {"date,knd\n", []string{`calendar.csv:1:2: there is no column "knd"; the columns are date, kind and name; did you mean kind?`, "calendar.csv:1:1: column kind is missing; the columns are date, kind and name"}},
		"twice":  {"date,kind\n2027-01-04,holiday\n2027-01-04,workday\n", []string{"calendar.csv:3:1: 2027-01-04 is listed twice; keep one of the rows"}},
		"kind":   {"date,kind\n2027-01-04,off\n", []string{`calendar.csv:2:2: "off" is neither workday nor holiday`}},
		"date":   {"kind,date\nworkday,2027-02-30\nworkday,\n", []string{`calendar.csv:2:2: "2027-02-30" is not a date of the form YYYY-MM-DD`, "calendar.csv:3:2: the date is missing"}},
		"short":  {"date,kind\n2027-01-04\n", []string{"calendar.csv:2:2: the row has 1 cells; it needs a date and a kind"}},
		"long":   {"date,kind\n" + strings.Repeat("2027-01-04,holiday\n", registry.MaxCalendarRows+1), []string{"calendar.csv:10002:1: the file has more than 10000 days"}},
		"large":  {strings.Repeat(" ", registry.MaxCalendarBytes+1), []string{"calendar.csv:1:1: the file has more than 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			calendar, problems := registry.ReadCalendar(strings.NewReader(c.text))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" || calendar != nil {
				t.Errorf("calendar %v, problems (-want +got):\n%s", calendar, diff)
			}
		})
	}
}

func FuzzReadCalendar(f *testing.F) {
	f.Add("date,kind,name\n2027-02-09,holiday,x\n")
	f.Add("kind,date\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := registry.ReadCalendar(strings.NewReader(text))
		if (c == nil) != (len(problems) > 0) {
			t.Errorf("calendar %v with %d problems", c, len(problems))
		}
	})
}
