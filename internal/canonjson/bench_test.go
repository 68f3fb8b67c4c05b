package canonjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// policy returns a document of about 4 KB that looks like what Graph lists.
func policy(tb testing.TB) []byte {
	tb.Helper()
	var settings []any
	for i := range 10 {
		settings = append(settings, map[string]any{
			"id": fmt.Sprint(i),
			"settingInstance": map[string]any{
				"@odata.type":                      "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
				"settingDefinitionId":              fmt.Sprintf("device_vendor_msft_policy_config_browser_allow%d", i),
				"settingInstanceTemplateReference": nil,
				"choiceSettingValue":               map[string]any{"value": fmt.Sprintf("device_vendor_%d", i), "children": []any{}, "number": i * 1000},
			},
		})
	}
	doc := struct {
		Type     string   `json:"@odata.type"`
		ID       string   `json:"id"`
		Name     string   `json:"displayName"`
		Text     string   `json:"description"`
		Created  string   `json:"createdDateTime"`
		Version  int      `json:"version"`
		Tags     []string `json:"roleScopeTagIds"`
		Settings []any    `json:"settings"`
	}{
		"#microsoft.graph.deviceManagementConfigurationPolicy", "5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69", "Browser – Grundschutz",
		"Setzt die \"Startseite\"\nund mehr.", "2024-05-06T07:08:09.1234567Z", 7,
		[]string{"0", "12"},
		settings,
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func BenchmarkEncoderSum(b *testing.B) {
	src := policy(b)
	e := new(canonjson.Encoder)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Sum(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncoderSumOptions(b *testing.B) {
	src := policy(b)
	e := &canonjson.Encoder{Options: canonjson.Options{
		Drop:      func(p canonjson.Path, _ []byte) bool { return bytes.HasPrefix(p.Key(), []byte("@odata.")) },
		Unordered: func(p canonjson.Path) bool { return string(p.Key()) == "roleScopeTagIds" },
		DropNull:  true,
	}}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Sum(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	src := policy(b)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canonjson.Hash(src); err != nil {
			b.Fatal(err)
		}
	}
}
