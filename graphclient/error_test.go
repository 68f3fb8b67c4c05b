package graphclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// nested is an error as Intune words it.
func nested(message, phrase, retry string) string {
	inner := `{"_version":3,"Message":` + quote(message) + `,"CustomApiErrorPhrase":` + quote(phrase) + `,"RetryAfter":` + retry +
		`,"ErrorSourceService":"","HttpHeaders":"{}"}`
	return `{"error":{"code":"BadRequest","message":` + quote(inner) + `,"innerError":{"date":"2025-01-01T00:00:00","request-id":"bbbbbbbb-0000-0000-0000-000000000002","client-request-id":"x"}}}`
}

// What of an error's body becomes part of an Error.
func TestClassification(t *testing.T) {
	const activity = "12345678-aaaa-bbbb-cccc-1234567890ab"
	intune := "An error has occurred - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: " + activity +
		" - Url: https://fef.msub07.manage.microsoft.com/DeviceConfigV2/StatelessDeviceConfigV2FEService/deviceManagement/x?api-version=5024-01-18&token=abc"
	scopes := `{"error":{"code":"Forbidden","message":"{\r\n  \"_version\": 3,\r\n  \"Message\": \"Application is not authorized to perform this operation. Application must have one of the following scopes: DeviceManagementConfiguration.Read.All, DeviceManagementConfiguration.ReadWrite.All - Operation ID (for customer support): 0\"}"}}`
	id := "aaaaaaaa-0000-0000-0000-000000000001"
	for name, c := range map[string]struct {
		reply func() (*http.Response, error)
		want  graphclient.Error
	}{
		"plain": {
			says(400, `{"error":{"code":"ModelValidationFailure","message":"x"}}`),
			graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400, Code: "ModelValidationFailure"},
		},
		"nested": {
			says(400, nested(intune, "", "null")),
			graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400, Code: "BadRequest", ActivityID: activity},
		},
		"nested phrase": {
			says(400, nested(intune, "InvalidReferenceId", "null")),
			graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400, Code: "InvalidReferenceId", Cause: graphclient.CauseReference, ActivityID: activity},
		},
		"known text": {
			says(400, nested("Compliance policy must have one and only one block scheduled action - Operation ID (for customer support): 0", "", "null")),
			graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400, Code: "BadRequest", Cause: graphclient.CauseBlockAction},
		},
		"known text of another status": {
			says(409, `{"error":{"code":"Conflict","message":"Cannot create an abstract class."}}`),
			graphclient.Error{Reason: graphclient.ErrConflict, Status: 409, Code: "Conflict"},
		},
		"nested phrase with text": {
			says(400, nested(intune, "Name 'Contoso VPN' is taken", "null")),
			graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400, Code: "BadRequest", ActivityID: activity},
		},
		"nested retry": {
			says(409, nested("x", "", `"00042"`)),
			graphclient.Error{Reason: graphclient.ErrConflict, Status: 409, Code: "BadRequest", RetryAfter: 42 * time.Second},
		},
		"scopes": {
			says(403, scopes),
			graphclient.Error{Reason: graphclient.ErrForbidden, Status: 403, Code: "Forbidden", Scopes: []string{"DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"}},
		},
		"scopes with more": {
			says(403, `{"error":{"code":"Forbidden","message":"following scopes: Group.Read.All, dana.smith@contoso.com, eyJhbGciOi.Read.abc https://x/?sig=abc Contoso.Vpn"}}`),
			graphclient.Error{Reason: graphclient.ErrForbidden, Status: 403, Code: "Forbidden", Scopes: []string{"Group.Read.All"}},
		},
		"approval": {
			says(403, `{"error":{"code":"ApprovalRequired","message":"x"}}`, "x-msft-approval-code: "+activity),
			graphclient.Error{Reason: graphclient.ErrApprovalRequired, Status: 403, Code: "ApprovalRequired", ApprovalCode: activity},
		},
		"approval, odd code": {
			says(403, `{"error":{"code":"ApprovalRequired"}}`, "x-msft-approval-code: Bearer abc"),
			graphclient.Error{Reason: graphclient.ErrApprovalRequired, Status: 403, Code: "ApprovalRequired"},
		},
		"code with text":   {says(400, `{"error":{"code":"user dana@contoso.com"}}`), graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400}},
		"code is a number": {says(400, `{"error":{"code":7,"message":"x"}}`), graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400}},
		"error is text":    {says(400, `{"error":"invalid"}`), graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400}},
		"message at top":   {says(400, `{"Message":"x"}`), graphclient.Error{Reason: graphclient.ErrInvalidRequest, Status: 400}},
		"html":             {says(403, `<html>token=abc`, "Content-Type: text/html"), graphclient.Error{Reason: graphclient.ErrForbidden, Status: 403}},
		"empty":            {says(404, ``), graphclient.Error{Reason: graphclient.ErrNotFound, Status: 404}},
		"ten megabytes":    {says(404, `{"error":{"code":"NotFound","message":"`+strings.Repeat("x", 10<<20)+`"}}`), graphclient.Error{Reason: graphclient.ErrNotFound, Status: 404}},
		"compressed":       {says(404, string(zipped([]byte(`{"error":{"code":"NotFound"}}`))), "Content-Encoding: gzip"), graphclient.Error{Reason: graphclient.ErrNotFound, Status: 404, Code: "NotFound"}},
		"redirect":         {says(307, ``, "Location: https://evil.example/?a=b"), graphclient.Error{Reason: graphclient.ErrBadResponse, Status: 307, Code: "redirect"}},
		"sync state":       {says(400, `{"error":{"code":"syncStateNotFound"}}`), graphclient.Error{Reason: graphclient.ErrResync, Status: 400, Code: "syncStateNotFound"}},
		"resync":           {says(410, `{"error":{"code":"resyncRequired"}}`), graphclient.Error{Reason: graphclient.ErrResync, Status: 410, Code: "resyncRequired"}},
		"resync, inner":    {says(400, `{"error":{"code":"BadRequest","innerError":{"code":"SyncStateNotFound"}}}`), graphclient.Error{Reason: graphclient.ErrResync, Status: 400, Code: "BadRequest"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, script(c.reply), func(cfg *graphclient.Config) { cfg.MaxAttempts = 1 })
			_, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
			c.want.Method, c.want.Attempts, c.want.RequestID = "GET", 1, id
			opts := cmp.Options{cmpopts.IgnoreUnexported(graphclient.Error{}), cmpopts.IgnoreFields(graphclient.Error{}, "ClientRequestID")}
			if diff := cmp.Diff(&c.want, errorOf(t, err), opts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nothing that may be secret, personal or internal is in what an error says
// or a logger gets, wherever it was on the way.
func TestNothingLeaks(t *testing.T) {
	oracle := []string{
		"token-1", "Bearer", "eyJhbGciOiJSUzI1NiJ9", "dana@contoso.com", "s1gn4ture", "sk1pt0ken", "Contoso VPN", "d3lt4",
		"fef.msub07", "evil.example", "graph.microsoft.com", "configurationPolicies", "filter=", "?",
	}
	leaky := strings.Join(oracle, " ")
	body := `{"error":{"code":` + quote(leaky) + `,"message":` + quote(leaky) + `,"innerError":{"request-id":` + quote(leaky) + `,"code":` + quote(leaky) + `}}}`
	headers := []string{
		"Request-Id: " + leaky, "Client-Request-Id: " + leaky, "X-Ms-Ags-Diagnostic: " + leaky, "Www-Authenticate: " + leaky, "Retry-After: " + leaky,
		"X-Msft-Approval-Code: " + leaky, "Location: https://evil.example/?sig=s1gn4ture", "X-Ms-Throttle-Scope: " + leaky,
	}
	replies := map[string]func() (*http.Response, error){
		"url error": fails(&url.Error{Op: "Get", URL: "https://graph.microsoft.com/?sig=s1gn4ture", Err: errors.New(leaky)}),
		"wrapped":   fails(fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: "https://graph.microsoft.com/?sig=s1gn4ture", Err: context.DeadlineExceeded})),
		"any error": fails(errors.New(leaky)),
		"bad json":  says(200, leaky),
		"html":      says(200, leaky, "Content-Type: text/html"),
		"200 error": says(200, body),
		"next link": says(200, page("https://evil.example/?sig=s1gn4ture")),
	}
	for _, status := range []int{301, 400, 401, 403, 404, 409, 410, 412, 429, 500, 502, 503, 504, 507, 600} {
		replies[fmt.Sprint(status)] = says(status, body, headers...)
	}
	for name, reply := range replies {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+method, func(t *testing.T) {
				var log bytes.Buffer
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				client := newClient(t, script(reply), func(c *graphclient.Config) {
					c.MaxAttempts = 1
					c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				req := graphclient.Request{Method: method, Path: listPath + "?$filter=name%20eq%20'Contoso%20VPN'&$skiptoken=sk1pt0ken"}
				var errs []error
				if method == "POST" {
					req.Body = []byte(quote(leaky))
				} else {
					_, _, err := all(ctx, client, req)
					errs = append(errs, err)
				}
				_, err := client.Do(ctx, req)
				errs = append(errs, err)
				for _, r := range client.Batch(ctx, []graphclient.Request{req}) {
					errs = append(errs, r.Err)
				}
				for _, err := range errs {
					if err == nil {
						t.Error("no error at all")
						continue
					}
					if _, ok := errors.AsType[*url.Error](err); ok {
						t.Errorf("a *url.Error leaves: %v", err)
					}
					text := fmt.Sprintf("%v %+v %#v", err, errorFields(err), err.Error())
					for _, secret := range oracle {
						if strings.Contains(text, secret) {
							t.Errorf("%q is in the error: %s", secret, text)
						}
					}
				}
				for _, secret := range oracle {
					if strings.Contains(log.String(), secret) {
						t.Errorf("%q is in the log: %s", secret, log.String())
					}
				}
				if log.Len() == 0 || !strings.Contains(log.String(), `"client_request_id":"`) || !strings.Contains(log.String(), `"bucket":"device-config-v2"`) {
					t.Errorf("the log does not say what it should: %s", log.String())
				}
			})
		}
	}
}

// errorFields returns what of an error may be stored.
func errorFields(err error) any {
	e, ok := errors.AsType[*graphclient.Error](err)
	if !ok {
		return nil
	}
	return []any{e.Reason, e.Method, e.Status, e.Code, e.RequestID, e.ClientRequestID, e.ActivityID, e.Scopes, e.ApprovalCode, e.RetryAfter}
}

// The text has what support asks for.
func TestErrorText(t *testing.T) {
	err := &graphclient.Error{
		Reason: graphclient.ErrForbidden, Method: "GET", Status: 403, Code: "Forbidden",
		RequestID: "r", ClientRequestID: "c", Claims: "secret", Scopes: []string{"X"},
	}
	if got, want := err.Error(), "graph: permission denied (GET 403 Forbidden, Forbidden, request-id r, client-request-id c)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := (&graphclient.Error{Reason: graphclient.ErrPagingLoop}).Error(), "graph: paging loop"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// No body makes the classification panic or pass on text.
func FuzzErrorBody(f *testing.F) {
	f.Add(400, nested("x - Activity ID: y", "z", "1"))
	f.Add(403, `{"error":{"code":"ApprovalRequired","message":"following scopes: A.Read.All"}}`)
	f.Add(410, `{"error":{"code":"resyncRequired"}}`)
	f.Add(200, `{"error":{}}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 999 || status == 401 || status == 429 {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		client := newClient(t, script(says(status, body)), func(c *graphclient.Config) { c.Limiter, c.MaxAttempts = unlimited(t), 1 })
		_, err := client.Do(ctx, graphclient.Request{Path: listPath})
		e, ok := errors.AsType[*graphclient.Error](err)
		if !ok {
			return
		}
		for _, field := range append([]string{e.Code, e.RequestID, e.ActivityID, e.ApprovalCode}, e.Scopes...) {
			if len(field) > 200 || strings.ContainsAny(field, " \t\r\n@/\\?=&\"'<>{}") {
				t.Errorf("body %q put %q into %+v", body, field, e)
			}
		}
	})
}
