package main

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// configKey is a key of the configuration with its type and default.
type configKey struct {
	key      string
	kind     rules.Text
	standard string
}

// configKeys goes through the configuration and lists every key.
func configKeys(prefix string, v reflect.Value) (keys []configKey) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case inline == "inline":
			keys = append(keys, configKeys(prefix, v.Field(i))...)
			continue
		}
		keys = append(keys, keysOf(prefix+name, v.Field(i))...)
	}
	return keys
}

func keysOf(key string, v reflect.Value) []configKey {
	if kind, standard, ok := scalar(v); ok {
		return []configKey{{key, kind, standard}}
	}
	switch v.Kind() {
	case reflect.Struct:
		return configKeys(key+".", v)
	case reflect.Pointer:
		return keysOf(key, reflect.New(v.Type().Elem()).Elem())
	case reflect.Slice:
		elem := reflect.New(v.Type().Elem()).Elem()
		if elem.Kind() == reflect.Struct {
			if _, _, ok := scalar(elem); !ok {
				return configKeys(key+"[].", elem)
			}
		}
		kind, _, _ := scalar(elem)
		var words []string
		for i := range v.Len() {
			words = append(words, fmt.Sprint(v.Index(i).Interface()))
		}
		return []configKey{{key, text(kind.ZH+"的列表", "list of: "+kind.EN), "[" + strings.Join(words, ", ") + "]"}}
	case reflect.Map:
		elem := reflect.New(v.Type().Elem()).Elem()
		return keysOf(key+".NAME", elem)
	default:
		return []configKey{{key, same(v.Type().String()), ""}}
	}
}

// scalar says what a value is, with its unit, and how it is written.
func scalar(v reflect.Value) (kind rules.Text, standard string, ok bool) {
	switch x := v.Interface().(type) {
	case Duration:
		return text("时长：90s、10m、7d、10y", "duration: 90s, 10m, 7d, 10y"), spanText(time.Duration(x)), true
	case time.Duration:
		return text("时长：90s、10m、1h", "duration: 90s, 10m, 1h"), spanText(x), true
	case Size:
		return text("字节数：512、64KiB、20GiB", "bytes: 512, 64KiB, 20GiB"), sizeText(int64(x)), true
	}
	if _, is := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); is && v.Kind() == reflect.Struct {
		s := fmt.Sprint(v.Interface())
		if v.IsZero() {
			s = ""
		}
		return text("地址", "address"), s, true
	}
	switch v.Kind() {
	case reflect.String:
		return text("文字", "text"), v.String(), true
	case reflect.Bool:
		return text("true 或 false", "true or false"), fmt.Sprint(v.Bool()), true
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint16, reflect.Uint64, reflect.Uint8, reflect.Float64:
		return text("数字", "number"), fmt.Sprint(v.Interface()), true
	default:
		return rules.Text{}, "", false
	}
}

// spanText writes a span as configurations have it.
func spanText(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d == 0:
		return "0s"
	case d%(365*day) == 0:
		return fmt.Sprintf("%dy", d/(365*day))
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

func sizeText(n int64) string {
	for i, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if size := int64(1) << (40 - 10*i); n >= size && n%size == 0 {
			return fmt.Sprintf("%d%s", n/size, unit)
		}
	}
	return fmt.Sprint(n)
}

// settable returns the value whose addresses configKeys may take.
func settable(c Config) reflect.Value {
	p := reflect.New(reflect.TypeFor[Config]())
	p.Elem().Set(reflect.ValueOf(c))
	return p.Elem()
}

// TestReferenceConfig makes the page of the configuration from its types,
// defaults, and what configTexts says.
func TestReferenceConfig(t *testing.T) {
	p := newReferencePage(text("参考：配置", "Reference: configuration"),
		text("一个 YAML 文件，由 `--config` 指定；多余的键是错误，并给出行列；每个值都有默认。`${NAME}` 取自环境变量。`[]` 表示列表中的每一项，`NAME` 代表名称。",
			"One YAML file, named by `--config`; unknown keys are errors with line and column; every value has a default. `${NAME}` is taken from the environment. `[]` stands for each item of a list, `NAME` for a name."))
	var rows [][]rules.Text
	seen := make(map[string]bool)
	for _, k := range configKeys("", settable(DefaultConfig())) {
		say, ok := configTexts[k.key]
		if !ok {
			t.Errorf("the key %s is not explained in configTexts", k.key)
		}
		seen[k.key] = true
		rows = append(rows, []rules.Text{code1(k.key), k.kind, code1(k.standard), say})
	}
	for key := range configTexts {
		if !seen[key] {
			t.Errorf("configTexts explains %s, which is no key", key)
		}
	}
	p.table([]rules.Text{text("键", "key"), text("类型与单位", "type and unit"), text("默认", "default"), text("含义", "meaning")}, rows)
	p.compare(t, "reference-config")
}
