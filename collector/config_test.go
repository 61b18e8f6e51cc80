package collector

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigIsReadFromYAML(t *testing.T) {
	c := DefaultConfig()
	text := `
netflow: {listen: ["127.0.0.1:9995"], workers: 3}
clock: {max_skew: 90s, on_skew: keep}
parking: {max_age: 5m}
`
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Netflow = Listen{Listen: []string{"127.0.0.1:9995"}, Workers: 3}
	want.Clock = Clock{MaxSkew: 90e9, OnSkew: KeepEventTime}
	want.Parking.MaxAge = 300e9
	if c.Netflow.Listen[0] != want.Netflow.Listen[0] || c.Netflow.Workers != 3 ||
		c.Clock != want.Clock || c.Parking != want.Parking || c.SFlow.Listen[0] != ":6343" {
		t.Errorf("read %+v, want %+v", c, want)
	}
}

func TestEachProblemNamesItsKey(t *testing.T) {
	c := Config{
		Netflow:       Listen{Listen: []string{"2055"}, Workers: -1},
		SFlow:         Listen{Listen: []string{"x:y:z"}},
		Clock:         Clock{OnSkew: "guess"},
		Parking:       Parking{MaxBytes: -1},
		ReceiveBuffer: -1,
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("no problem found")
	}
	want := []string{
		`collector.netflow.listen: "2055" is not an address of the form host:port or :port`,
		`collector.netflow.workers: -1 is negative; 0 means one per core`,
		`collector.sflow.listen: "x:y:z" is not an address of the form host:port or :port`,
		`collector.clock.on_skew: "guess" is neither "use_receive_time" nor "keep"`,
		`collector.parking.max_bytes: -1 is negative`,
		`collector.receive_buffer: -1 is negative`,
		`collector.clock.max_skew: 0s is not a positive duration`,
		`collector.parking.max_age: 0s is not a positive duration`,
		`collector.state_every: 0s is not a positive duration`,
		`collector.books_every: 0s is not a positive duration`,
		`collector.drain_timeout: 0s is not a positive duration`,
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if _, err := New(c, Deps{}); err == nil {
		t.Error("New took a bad configuration")
	}
}
