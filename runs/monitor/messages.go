package monitor

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

//go:embed messages
var messageFiles embed.FS

// languages are the words of the pages by language and key.
type languages map[string]map[string]string

func readLanguages(own map[string]map[string]string) (languages, error) {
	all := make(languages)
	for _, lang := range []string{"en", "de"} {
		raw, err := messageFiles.ReadFile("messages/" + lang + ".json")
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		words := make(map[string]string)
		if err := json.Unmarshal(raw, &words); err != nil {
			return nil, fmt.Errorf("read messages of %s: %w", lang, err)
		}
		all[lang] = words
	}
	for lang, words := range own {
		lang = strings.ToLower(lang)
		all[lang] = maps.Clone(all[lang])
		if all[lang] == nil {
			all[lang] = make(map[string]string)
		}
		for key, text := range words {
			if _, ok := all["en"][key]; !ok && !strings.HasPrefix(key, "reason.") && !strings.HasPrefix(key, "advice.") {
				return nil, fmt.Errorf("Config.Messages has the unknown key %q", key)
			}
			all[lang][key] = text
		}
	}
	return all, nil
}

// choose picks the language of an answer: the one that is wished, or the first
// that the browser accepts. Browsers list them by preference.
func (l languages) choose(wished string, r *http.Request) string {
	candidates := append([]string{wished}, strings.Split(r.Header.Get("Accept-Language"), ",")...)
	for _, c := range candidates[:min(len(candidates), 20)] {
		c, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(c)), ";")
		for c != "" {
			if _, ok := l[c]; ok {
				return c
			}
			c = c[:max(0, strings.LastIndex(c, "-"))]
		}
	}
	return "en"
}

// text is the message of a key in a language, with {0}, {1}, … replaced by args.
// A key with a plural has the forms "key.one" and "key.other", chosen by the
// first argument.
func (l languages) text(lang, key string, args ...any) string {
	text, ok := l[lang][key]
	if !ok {
		text, ok = l["en"][key]
	}
	if !ok && len(args) > 0 && !strings.HasSuffix(key, ".one") && !strings.HasSuffix(key, ".other") {
		form := ".other"
		if fmt.Sprint(args[0]) == "1" {
			form = ".one"
		}
		return l.text(lang, key+form, args...)
	}
	if !ok {
		return key
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", fmt.Sprint(a))
	}
	return text
}

// some returns the messages whose keys begin with one of the prefixes.
func (l languages) some(lang string, prefixes ...string) map[string]string {
	words := make(map[string]string)
	for key := range l["en"] {
		for _, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) && !strings.HasSuffix(key, ".text") {
				words[key] = l.text(lang, key)
			}
		}
	}
	return words
}
