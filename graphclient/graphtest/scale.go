package graphtest

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A Scale says how many objects [Tenant.Grow] adds.
type Scale struct {
	// Seed makes ids and contents; equal scales make equal objects.
	Seed uint64

	// Policies are settings catalog policies of about 4 KB with their eight
	// settings, each assigned to one group.
	Policies int

	// Configurations are device configurations of about 4 KB without
	// children.
	Configurations int

	// Groups are security groups of about half a KB.
	Groups int
}

// Grow adds generated objects, one after another: only the stored form is
// ever in memory. Growing twice with one seed reports [ErrExists].
func (t *Tenant) Grow(s Scale) error {
	for _, part := range []struct {
		path string
		n    int
		make func(seed uint64, i int) []byte
	}{
		{"groups", s.Groups, scaleGroup},
		{"deviceManagement/deviceConfigurations", s.Configurations, scaleConfiguration},
		{"deviceManagement/configurationPolicies", s.Policies, scalePolicy},
	} {
		for i := range part.n {
			if _, err := t.Add(part.path, json.RawMessage(part.make(s.Seed, i))); err != nil {
				return fmt.Errorf("grow: %w", err)
			}
		}
	}
	return nil
}

func scaleID(kind string, seed uint64, i int) string {
	return guid("scale", kind, strconv.FormatUint(seed, 10), strconv.Itoa(i))
}

func scaleGroup(seed uint64, i int) []byte {
	w := newObject(640)
	w.str("id", scaleID("group", seed, i))
	w.str("displayName", fmt.Sprintf("%s %s %06d", teams[i%len(teams)], places[i%len(places)], i))
	w.str("description", "Generated group number "+strconv.Itoa(i)+" of the scale test")
	w.str("createdDateTime", "2024-05-01T08:00:00Z")
	w.raw("groupTypes", []byte(`[]`))
	w.raw("membershipRule", []byte(`null`))
	w.raw("onPremisesSyncEnabled", []byte(`null`))
	w.raw("securityEnabled", []byte(`true`))
	w.raw("mailEnabled", []byte(`false`))
	w.str("mailNickname", "g"+strconv.Itoa(i))
	return w.bytes()
}

func scaleConfiguration(seed uint64, i int) []byte {
	w := newObject(4200)
	w.str("@odata.type", "#microsoft.graph.windows10GeneralConfiguration")
	w.str("id", scaleID("configuration", seed, i))
	w.str("displayName", "Restrictions "+strconv.Itoa(i))
	w.raw("description", []byte("null"))
	w.str("createdDateTime", "2024-05-01T08:00:00.1234567Z")
	w.str("lastModifiedDateTime", "2024-06-01T08:00:00.1234567Z")
	w.raw("roleScopeTagIds", []byte(`["0"]`))
	w.num("version", 1)
	for n := 0; len(w.b) < 4000; n++ {
		w.raw("restriction"+strconv.Itoa(n)+"Blocked", strconv.AppendBool(nil, (i+n)%3 == 0))
		w.str("restriction"+strconv.Itoa(n)+"Level", "userDefined")
	}
	return w.bytes()
}

func scalePolicy(seed uint64, i int) []byte {
	w := newObject(4400)
	id := scaleID("policy", seed, i)
	w.str("id", id)
	w.str("name", "Catalog policy "+strconv.Itoa(i))
	w.str("description", "Generated")
	w.str("platforms", "windows10")
	w.str("technologies", "mdm")
	w.str("createdDateTime", "2024-05-01T08:00:00.1234567Z")
	w.str("lastModifiedDateTime", "2024-06-01T08:00:00.1234567Z")
	w.raw("roleScopeTagIds", []byte(`["0"]`))
	w.raw("templateReference", []byte(`{"templateId":"","templateFamily":"none","templateDisplayName":null,"templateDisplayVersion":null}`))
	w.raw("assignments", fmt.Appendf(nil, `[{"source":"direct","sourceId":%q,"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"none","groupId":%q}}]`, id, scaleID("group", seed, i%100)))
	w.key("settings")
	w.b = append(w.b, '[')
	for n := range 8 {
		def := fmt.Sprintf("device_vendor_msft_policy_config_area%d_setting%d", i%50, n)
		w.b = append(comma(w.b), fmt.Sprintf(`{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","settingDefinitionId":%q,"settingInstanceTemplateReference":null,"choiceSettingValue":{"settingValueTemplateReference":null,"value":"%s_%d","children":[{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"%s_child","settingInstanceTemplateReference":null,"simpleSettingValue":null}]}}}`, def, def, i%3, def)...)
	}
	w.b = append(w.b, ']')
	return w.bytes()
}
