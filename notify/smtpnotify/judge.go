package smtpnotify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A step is one in the conversation with a server.
type step string

const (
	stepConnect  step = "connect"
	stepGreeting step = "the greeting"
	stepHello    step = "EHLO"
	stepTLS      step = "STARTTLS"
	stepAuth     step = "AUTH"
	stepMail     step = "MAIL"
	stepRcpt     step = "RCPT"
	stepData     step = "DATA"
	stepSent     step = "the end of DATA" // the mail may have been taken
)

var (
	errNoTLS    = errors.New("the server offers no STARTTLS")
	errNoAuth   = errors.New("the server offers no known way to sign in")
	errGarbled  = errors.New("the server does not speak as agreed")
	errAnswered = errors.New("the server answered")
)

// said reports whether err is what a server said.
func said(err error) bool { return errors.Is(err, errAnswered) }

// judge says what an error at a step means for the delivery.
func judge(ctx context.Context, at step, err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return judgeAnswer(at, answer)
	}
	if ctx.Err() != nil {
		err = ctx.Err() // the connection was closed for it
	}
	reason := reasonOf(err)
	if reason == runs.ReasonBadResponse && !errors.Is(err, errTalkative) {
		err = errGarbled // its text may repeat what the server said
	}
	if at == stepSent {
		reason = runs.ReasonOutcomeUnknown
	}
	return runs.Public(fmt.Errorf("smtp: %s: %w", at, err), reason, "")
}

// reasonOf returns why there is no answer.
func reasonOf(err error) runs.Reason {
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	failure, _ := runs.FailureOf(err)
	switch {
	case isCertificate, errors.Is(err, errNoAuth):
		return runs.ReasonUnauthenticated
	case isAlert, isPlain, errors.Is(err, errNoTLS):
		return runs.ReasonUnsupported
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return runs.ReasonUnreachable
	case failure.Reason == runs.ReasonInternal:
		return runs.ReasonBadResponse
	default:
		return failure.Reason
	}
}

// judgeAnswer says what an answer means for the delivery. Answers of 500 and
// above are final, except where what is wrong is how this program was set up, or
// the server: that is put right by somebody, not by another mail.
func judgeAnswer(at step, answer *textproto.Error) error {
	extended := regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`).FindString(answer.Msg)
	err := fmt.Errorf("smtp: %w %s with %s", errAnswered, at, strings.TrimSpace(fmt.Sprint(answer.Code, " ", extended)))
	_, subject, _ := strings.Cut(extended, ".")
	policy := strings.HasPrefix(subject, "7.")
	again := func(r runs.Reason) error { return runs.Public(err, r, "") }
	never := func(r runs.Reason) error { return runs.Public(fmt.Errorf("%w: %w", err, notify.ErrRejected), r, "") }
	switch {
	case answer.Code < 400:
		return again(runs.ReasonBadResponse)
	case answer.Code < 500 && (policy || subject == "3.2" || answer.Code == 450):
		return again(runs.ReasonThrottled) // greylisting, too many connections
	case answer.Code < 500:
		return again(runs.ReasonUnreachable)
	case at == stepAuth, answer.Code == 530:
		return again(runs.ReasonUnauthenticated)
	case at != stepRcpt && at != stepData && at != stepSent, at == stepRcpt && policy:
		return again(runs.ReasonPermissionDenied)
	case policy:
		return never(runs.ReasonPermissionDenied)
	case at == stepRcpt:
		return never(runs.ReasonNotFound)
	default:
		return never(runs.ReasonInvalidInput)
	}
}
