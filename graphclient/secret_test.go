package graphclient_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// hiddenText is what nobody may see.
const hiddenText = "s3cr3t-Value~x"

// A secret shows itself in no way that anybody prints things.
func TestSecretShowsNothing(t *testing.T) {
	s := graphclient.NewSecret(hiddenText)
	type inner struct{ hidden graphclient.Secret }
	holders := map[string]any{
		"value":             s,
		"pointer":           &s,
		"field":             struct{ S graphclient.Secret }{s},
		"unexported field":  inner{s},
		"pointer to struct": &inner{s},
		"slice":             []graphclient.Secret{s},
		"map":               map[string]graphclient.Secret{"k": s},
		"map key":           map[graphclient.Secret]int{s: 1},
		"interface":         []any{s},
		"config":            graphclient.CredentialsConfig{ClientID: "id", Secret: s},
		"token":             graphclient.Token{Value: s},
		"request":           graphclient.TokenRequest{Refused: s},
	}
	for name, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%p", "%T", "%c", "%U", "%e", "%o", "%b", "%10.3s", "%!"} {
			check(t, name+" "+verb, fmt.Sprintf(verb, h))
		}
		check(t, name+" Sprint", fmt.Sprint(h))
		if b, err := json.Marshal(h); err == nil {
			check(t, name+" json", string(b))
		}
		if b, err := xml.Marshal(h); err == nil {
			check(t, name+" xml", string(b))
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("m", "k", h, "g", []any{h})
			check(t, name+" slog", b.String())
		}
		var b bytes.Buffer
		_ = template.Must(template.New("").Parse("{{.}} {{printf \"%v\" .}}")).Execute(&b, h)
		check(t, name+" template", b.String())
		check(t, name+" error", fmt.Errorf("x: %v", h).Error())
		func() {
			defer func() { check(t, name+" panic", fmt.Sprint(recover())) }()
			panic(fmt.Sprint(h))
		}()
	}
	check(t, "reflect", reflect.ValueOf(s).String())
	if s.Reveal() != hiddenText || graphclient.NewSecret("").Reveal() != "" || !graphclient.NewSecret("").IsZero() || s.IsZero() {
		t.Error("a secret forgot what it holds")
	}
	if !s.Equal(graphclient.NewSecret(hiddenText)) || s.Equal(graphclient.Secret{}) {
		t.Error("equal secrets differ, or others do not")
	}
}

func check(t *testing.T, how, printed string) {
	t.Helper()
	for _, form := range []string{hiddenText, fmt.Sprintf("%x", hiddenText), fmt.Sprintf("%X", hiddenText), fmt.Sprintf("% x", hiddenText)} {
		if strings.Contains(printed, form) {
			t.Errorf("%s shows it: %s", how, printed)
		}
	}
}

// The client and what it is made of can be printed, too.
func TestClientShowsNoSecrets(t *testing.T) {
	src, err := graphclient.NewClientCredentials(graphclient.CredentialsConfig{ClientID: "id", Secret: graphclient.NewSecret(hiddenText)})
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, nil, func(c *graphclient.Config) { c.Tokens = src })
	user, err := client.User(graphclient.NewSecret(hiddenText))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"source": src, "client": client, "user": user, "config": graphclient.Config{Tokens: src}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			check(t, name, fmt.Sprintf(verb, v))
		}
	}
}

func TestErrorsAreReasons(t *testing.T) {
	err := fmt.Errorf("list: %w", &graphclient.Error{Reason: graphclient.ErrForbidden, Status: 403})
	if !errors.Is(err, graphclient.ErrForbidden) || errors.Is(err, graphclient.ErrNotFound) {
		t.Errorf("%v is of another reason", err)
	}
}
