package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/rules"
)

// Config is the whole configuration of the daemon. Every value has a default.
type Config struct {
	Carrier   CarrierConfig   `yaml:"carrier"`
	Collector CollectorConfig `yaml:"collector"`
	BGP       BGPConfig       `yaml:"bgp"`
	Storage   StorageConfig   `yaml:"storage"`
	Registry  RegistryConfig  `yaml:"registry"`
	Rules     RulesConfig     `yaml:"rules"`
	Cases     CasesConfig     `yaml:"cases"`
	HTTP      HTTPConfig      `yaml:"http"`
	Privacy   PrivacyConfig   `yaml:"privacy"`
	Notify    []NotifyConfig  `yaml:"notify"`
	Log       LogConfig       `yaml:"log"`
	Reload    ReloadConfig    `yaml:"reload"`
	Traces    TracesConfig    `yaml:"traces"`

	// DataDir is the base of relative paths that the defaults name; it comes
	// from --data, not from the file.
	DataDir  string         `yaml:"-"`
	location *time.Location // of Carrier.Timezone
	schedule bool           // run the rules by the clock
}

// CarrierConfig says whose network is audited.
type CarrierConfig struct {
	Name     string   `yaml:"name"`
	ASNs     []uint32 `yaml:"asns"`
	Timezone string   `yaml:"timezone"`
}

// CollectorConfig says where flow exports are taken.
type CollectorConfig struct {
	collector.Config `yaml:",inline"`
	Spool            SpoolConfig `yaml:"spool"`
	// SNMP says which exporters have their interface counters polled.
	SNMP snmp.Config `yaml:"snmp"`
}

// SpoolConfig is where records wait until the store has them.
type SpoolConfig struct {
	Dir      string `yaml:"dir"`
	MaxBytes Size   `yaml:"max_bytes"`
	// AtFull says what goes when the spool is full: drop_oldest or drop_newest.
	AtFull AtFull `yaml:"at_full"`
	// Sync makes each batch wait for the disk, so that it survives the loss of
	// power and not only the end of the process.
	Sync bool `yaml:"sync"`
}

// AtFull is what a full spool drops.
type AtFull string

// The policies of a full spool.
const (
	dropOldest AtFull = "drop_oldest"
	dropNewest AtFull = "drop_newest"
)

// BGPConfig says where routes are taken.
type BGPConfig struct {
	Listen    string           `yaml:"listen"`
	RouterID  netip.Addr       `yaml:"router_id"`
	Neighbors []NeighborConfig `yaml:"neighbors"`
	BMP       BMPConfig        `yaml:"bmp"`
	RPKI      RPKIConfig       `yaml:"rpki"`
}

// RPKIConfig says by what the origins of routes are validated (RFC 6811).
type RPKIConfig struct {
	// File holds validated ROA payloads, as rpki-client or Routinator write them
	// (JSON or CSV); it is read again on SIGHUP. Empty validates nothing.
	File string `yaml:"file"`
	// RTR names caches that payloads are fetched from (RFC 8210); those of all of
	// them and of the file count together.
	RTR []CacheConfig `yaml:"rtr"`
}

// CacheConfig is an RPKI cache.
type CacheConfig struct {
	Address string `yaml:"address"` // host:port
}

// BMPConfig says where monitored routers report their sessions (RFC 7854).
type BMPConfig struct {
	Listen string `yaml:"listen"`
}

// NeighborConfig is a BGP speaker that may connect.
type NeighborConfig struct {
	Address netip.Addr `yaml:"address"`
	ASN     uint32     `yaml:"asn"`
	// PasswordFile holds the password that signs its segments (TCP MD5, RFC 2385).
	PasswordFile string `yaml:"password_file"`
	// LimitIPv4 and LimitIPv6 are how many routes it may announce before its
	// session is closed; 0 is 2,000,000 and 600,000.
	LimitIPv4 int `yaml:"limit_ipv4"`
	LimitIPv6 int `yaml:"limit_ipv6"`
}

// StorageConfig says where records and findings are kept.
type StorageConfig struct {
	ClickHouse ClickHouseConfig `yaml:"clickhouse"`
	Embedded   EmbeddedConfig   `yaml:"embedded"`
	Retention  RetentionConfig  `yaml:"retention"`
}

// RetentionConfig says how long each kind of data is kept.
type RetentionConfig struct {
	Flows    Duration `yaml:"flows"`
	Rollups  Duration `yaml:"rollups"`
	Routes   Duration `yaml:"routes"`
	Findings Duration `yaml:"findings"`
}

// RegistryConfig names the ledger directory, and what the ledgers do not know.
type RegistryConfig struct {
	Dir string `yaml:"dir"`
	// Calendar is a CSV file of working days and holidays that extends or
	// overrides the calendar that ships; it is read again on SIGHUP.
	Calendar string `yaml:"calendar"`
	// MMDB are databases of the MaxMind format with countries or origins, asked
	// where ledgers and routes are silent, the first one first; they are opened
	// again on SIGHUP.
	MMDB []string `yaml:"mmdb"`
}

// RulesConfig says how often rules run and with which parameters.
type RulesConfig struct {
	// Dir holds YAML files of custom rules; it is read again on SIGHUP.
	Dir    string                        `yaml:"dir"`
	Every  Duration                      `yaml:"every"`
	Params map[string]map[string]float64 `yaml:"params"`
}

// HTTPConfig is where people and scrapers are answered.
type HTTPConfig struct {
	Listen string    `yaml:"listen"`
	TLS    TLSConfig `yaml:"tls"`
	// Insecure permits listening beyond this machine without TLS, where all
	// passwords and findings can be read on the way.
	Insecure bool `yaml:"insecure"`
	// Pprof is a loopback address for profiles of the Go runtime; empty is none.
	Pprof string `yaml:"pprof"`
	// OIDC is a provider of identities beside the users of the console's own.
	OIDC OIDCConfig `yaml:"oidc"`
}

// TLSConfig names a certificate chain and its key, both PEM; they are read again
// on SIGHUP. Empty is no TLS.
type TLSConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// PrivacyConfig says what is kept of the addresses of third parties.
type PrivacyConfig struct {
	MaskExports        bool `yaml:"mask_exports"`
	ThirdPartyPrefixV4 int  `yaml:"third_party_prefix_v4"` // bits
	ThirdPartyPrefixV6 int  `yaml:"third_party_prefix_v6"` // bits
}

// NotifyConfig is where news of findings go.
type NotifyConfig struct {
	Kind     string `yaml:"kind"` // webhook, email, syslog, wecom, dingtalk, feishu
	URL      string `yaml:"url"`
	Severity string `yaml:"severity"`
	// Rules and Provinces are those that are told of; none are all.
	Rules     []string `yaml:"rules"`
	Provinces []string `yaml:"provinces"`
}

// DefaultConfig returns the configuration of an empty file.
func DefaultConfig() Config {
	day := Duration(24 * time.Hour)
	return Config{
		Carrier:   CarrierConfig{Name: "Example Telecom", ASNs: []uint32{64500}, Timezone: "Asia/Shanghai"},
		Collector: CollectorConfig{Config: collector.DefaultConfig(), Spool: SpoolConfig{MaxBytes: 20 << 30, AtFull: dropOldest}, SNMP: snmp.DefaultConfig()},
		BGP: BGPConfig{
			Listen: ":1790", RouterID: netip.AddrFrom4([4]byte{192, 0, 2, 1}),
			BMP: BMPConfig{Listen: ":1791"},
		},
		Storage: StorageConfig{
			ClickHouse: ClickHouseConfig{Database: "linewarden", Username: "default"},
			Retention:  RetentionConfig{Flows: 7 * day, Rollups: 400 * day, Routes: 400 * day, Findings: 3650 * day},
		},
		Rules: RulesConfig{Every: Duration(time.Hour)}, schedule: true,
		HTTP: HTTPConfig{
			Listen: "127.0.0.1:8080",
			OIDC:   OIDCConfig{Scopes: []string{"openid", "profile"}, NameClaim: "preferred_username", RoleClaim: "groups"},
		},
		Privacy: PrivacyConfig{MaskExports: true, ThirdPartyPrefixV4: 24, ThirdPartyPrefixV6: 48},
		Log:     LogConfig{Format: logText},
	}
}

// LoadConfig reads the file over the defaults; an empty name gives the
// defaults. It reports every problem it finds, with line and column where the
// file has one.
func LoadConfig(file, dataDir string) (*Config, error) {
	c := DefaultConfig()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w; name another with --config", err)
		}
		if err := decodeConfig(expandEnv(text), &c); err != nil {
			return nil, fmt.Errorf("configuration %s: %w", file, err)
		}
	}
	c.DataDir = dataDir
	c.fillPaths()
	if err := c.check(); err != nil {
		if file == "" {
			file = "(defaults)"
		}
		return nil, fmt.Errorf("configuration %s: %w", file, err)
	}
	return &c, nil
}

func decodeConfig(text []byte, c *Config) error {
	err := yaml.UnmarshalWithOptions(text, c, yaml.Strict())
	if err == nil || errors.Is(err, errEmptyFile(text)) {
		return nil
	}
	return errors.New(yaml.FormatError(err, false, true))
}

// fillPaths puts what has no path of its own below the data directory.
func (c *Config) fillPaths() {
	if c.DataDir == "" {
		c.DataDir = "data"
	}
	if c.Storage.Embedded.Path == "" {
		c.Storage.Embedded.Path = filepath.Join(c.DataDir, "engine")
	}
	if c.Collector.StateFile == collector.DefaultConfig().StateFile {
		c.Collector.StateFile = filepath.Join(c.DataDir, "state", "netflow.state")
	}
	if c.Collector.Spool.Dir == "" {
		c.Collector.Spool.Dir = filepath.Join(c.DataDir, "spool")
	}
	if c.Registry.Dir == "" {
		c.Registry.Dir = filepath.Join(c.DataDir, "registry")
	}
}

// check looks at what the types cannot say, and returns all of it at once.
func (c *Config) check() error {
	var problems []error
	bad := complain(func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	})
	loc, err := time.LoadLocation(c.Carrier.Timezone)
	if err != nil {
		bad("carrier.timezone", "%q is not a time zone name such as Asia/Shanghai", c.Carrier.Timezone)
	}
	c.location = loc
	for _, err := range []error{c.Collector.Validate(), c.Collector.SNMP.Validate()} {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if s := c.Collector.Spool; s.AtFull != dropOldest && s.AtFull != dropNewest {
		bad("collector.spool.at_full", "%q is neither %q nor %q", s.AtFull, dropOldest, dropNewest)
	}
	if s := c.Collector.Spool; s.MaxBytes < minSpool {
		bad("collector.spool.max_bytes", "%d bytes are less than 64MiB, the least that holds a few batches", s.MaxBytes)
	}
	c.checkPrivacy(bad)
	c.checkHTTP(bad)
	c.checkOIDC(bad)
	c.checkPprof(bad)
	c.checkStorage(bad)
	c.checkLife(bad)
	if _, err := newTargets(c.Notify); err != nil {
		problems = append(problems, err)
	}
	if len(c.Carrier.ASNs) == 0 {
		bad("carrier.asns", "needs the carrier's AS number, the one that its customers see")
	}
	for i, n := range c.BGP.Neighbors {
		if !n.Address.IsValid() || n.ASN == 0 {
			bad(fmt.Sprintf("bgp.neighbors[%d]", i), "needs an address and an asn")
		}
		if n.LimitIPv4 < 0 || n.LimitIPv6 < 0 {
			bad(fmt.Sprintf("bgp.neighbors[%d]", i), "has a negative limit_ipv4 or limit_ipv6; leave it out for the default")
		}
	}
	if err := rtrConfig(c).Validate(); err != nil {
		bad("bgp.rpki.rtr", "%v", err)
	}
	c.checkRules(bad)
	return errors.Join(problems...)
}

// minSpool is the least size of a spool.
const minSpool = 64 << 20

// complain records one problem of the configuration.
type complain func(key, format string, args ...any)

func (c *Config) checkRules(bad complain) {
	if c.Rules.Every < Duration(time.Minute) {
		bad("rules.every", "%v is less than a minute", time.Duration(c.Rules.Every))
	}
	set, problems := c.readRuleset()
	for _, p := range problems {
		bad(p.key, "%v", p.err)
	}
	for _, id := range slices.Sorted(maps.Keys(c.Rules.Params)) {
		r, ok := rules.Find(set.catalogue, id)
		if !ok {
			bad("rules.params."+id, "there is no such rule, see linewarden rules list")
			continue
		}
		if _, err := r.Spec.ParamsWith(c.Rules.Params[id]); err != nil {
			bad("rules.params."+id, "%v", err)
		}
	}
}

func (c *Config) checkPrivacy(bad complain) {
	if n := c.Privacy.ThirdPartyPrefixV4; n < 8 || n > 32 {
		bad("privacy.third_party_prefix_v4", "%d is not from 8 to 32 bits", n)
	}
	if n := c.Privacy.ThirdPartyPrefixV6; n < 16 || n > 128 {
		bad("privacy.third_party_prefix_v6", "%d is not from 16 to 128 bits", n)
	}
}

// checkHTTP keeps passwords and findings off the network as long as they would
// cross it unencrypted.
func (c *Config) checkHTTP(bad complain) {
	if err := checkAddress(c.HTTP.Listen); err != nil {
		bad("http.listen", "%v", err)
		return
	}
	if tls := c.HTTP.TLS; (tls.CertFile == "") != (tls.KeyFile == "") {
		bad("http.tls", "needs both cert_file and key_file, or neither")
	}
	if !loopback(c.HTTP.Listen) && c.HTTP.TLS == (TLSConfig{}) && !c.HTTP.Insecure {
		bad("http.listen", "%q is not a loopback address, and there is no TLS; set http.tls, or listen on 127.0.0.1 behind a proxy with TLS, or set http.insecure to have passwords cross the network in clear", c.HTTP.Listen)
	}
}

// needRestart names the sections that differ from those a daemon runs with and
// that it does not take while running.
func (c *Config) needRestart(running *Config) []string {
	var keys []string
	for _, k := range []struct {
		key       string
		now, then any
	}{
		{"carrier", c.Carrier, running.Carrier},
		{"collector", c.Collector, running.Collector},
		{"bgp", []any{c.BGP.Listen, c.BGP.RouterID, c.BGP.BMP, c.BGP.RPKI.RTR}, []any{running.BGP.Listen, running.BGP.RouterID, running.BGP.BMP, running.BGP.RPKI.RTR}},
		{"storage", c.Storage, running.Storage},
		{"rules.every", c.Rules.Every, running.Rules.Every},
		{"http", c.HTTP, running.HTTP},
		{"privacy", c.Privacy, running.Privacy},
		{"notify", c.Notify, running.Notify},
		{"log", c.Log, running.Log},
		{"reload", c.Reload, running.Reload},
		{"traces", c.Traces, running.Traces},
	} {
		if !reflect.DeepEqual(k.now, k.then) {
			keys = append(keys, k.key)
		}
	}
	return keys
}
