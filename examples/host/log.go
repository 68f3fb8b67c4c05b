package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"
)

// newLogger writes lines for people to a terminal, and JSON to everything else.
// What others have said cannot break a line or turn its text around.
func newLogger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return slog.Attr{Key: a.Key, Value: cleaned(a.Value)} }}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(w, opts))
		}
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// cleaned returns v with its text cleaned. Of a value of any other type it is
// the text that fmt makes, since its JSON would be as it came.
func cleaned(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(clean(v.String()))
	case slog.KindAny:
		if level, ok := v.Any().(slog.Level); ok {
			return slog.AnyValue(level)
		}
		return slog.StringValue(clean(fmt.Sprint(v.Any())))
	default:
		return v
	}
}

// clean puts spaces for what breaks lines and leaves out what nobody sees:
// control and format characters, among them those that change the direction of
// text and those that color a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
