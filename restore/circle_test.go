package restore_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

const (
	resourceAccess = "deviceManagement/resourceAccessProfiles"
	resourceKind   = "resourceAccessProfile"
)

// certificates are profiles that need each other: a needs b, b needs c and c needs
// a; d needs a, e itself, f needs g, and g nothing; h and i need each other, and h
// needs a too.
func certificates() graphtest.Document {
	var all []string
	for id, needs := range map[string]string{"a": "b", "b": "c", "c": "a", "d": "a", "e": "e", "f": "g", "g": "", "h": "i", "i": "h"} {
		root := ""
		if needs != "" {
			root = fmt.Sprintf(`,"rootCertificateId":%q`, certificate(needs))
		}
		if id == "h" {
			root += fmt.Sprintf(`,"authenticationCertificateId":%q`, certificate("a"))
		}
		all = append(all, fmt.Sprintf(`{"id":%q,"@odata.type":"#microsoft.graph.windows10XSCEPCertificateProfile","displayName":%q,"version":1%s}`, certificate(id), id, root))
	}
	return docs(resourceAccess, all...)
}

func certificate(id string) string { return "11111111-0000-0000-0000-00000000000" + id }

func certificateRef(id string) inventory.Ref {
	return inventory.Ref{Kind: resourceKind, ID: certificate(id)}
}

// Objects that refer to each other in a circle cannot be created one after the
// other: the preview says so and names them, what depends on them waits for nothing,
// and everything else is restored.
func TestCircles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, certificates())
		set := w.backup(resourceKind)
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		items := w.items(contoso, r.ID)
		for id, says := range map[string]string{
			"a": ": “a”, “b”, “c”.", "b": ": “a”, “b”, “c”.", "c": ": “a”, “b”, “c”.",
			"e": "refers to itself", "h": ": “h”, “i”.", "i": ": “h”, “i”.",
		} {
			i := items[certificateRef(id)]
			if i.Decision != restore.Blocked || i.Reason != restore.ReasonCircle || !strings.Contains(i.Message, says) {
				t.Errorf("%s is %s (%s %q), want it blocked, and it to say %q", id, i.Decision, i.Reason, i.Message, says)
			}
		}
		if i := items[certificateRef("d")]; i.Decision != restore.Blocked || i.Reason != restore.ReasonPending {
			t.Errorf("what depends on a circle is %s (%s), want it blocked by that", i.Decision, i.Reason)
		}
		w.execute(contoso, r.ID)
		for _, id := range []string{"f", "g"} {
			if i := w.items(contoso, r.ID)[certificateRef(id)]; i.Result != restore.Verified {
				t.Errorf("%s is %s (%s), want it verified", id, i.Result, i.Message)
			}
		}
		if n := w.server.Writes(); n != 2 {
			t.Errorf("%d writes were sent, want 2", n)
		}

		// A release that looked for no circles has decided otherwise: it ends.
		for _, id := range []string{"a", "b", "c", "d", "e", "h", "i"} {
			i := items[certificateRef(id)]
			i.Decision, i.Reason, i.Message = restore.Create, "", ""
			if err := w.cfg.Store.Put(t.Context(), contoso, r.ID, w.get(contoso, r.ID).Fence, []restore.Item{i}); err != nil {
				t.Fatal(err)
			}
		}
		w.execute(contoso, r.ID)
		for _, id := range []string{"a", "b", "c", "d", "e", "h", "i"} {
			if i := w.items(contoso, r.ID)[certificateRef(id)]; i.Result != restore.Failed || i.Reason != restore.ReasonPending {
				t.Errorf("%s is %s (%s), want it failed", id, i.Result, i.Reason)
			}
		}
		if n := w.server.Writes(); n != 2 {
			t.Errorf("%d writes were sent, want no more than 2", n)
		}
	})
}

// A circle that is there in part is closed again: what is lost is created, and what
// is there leads to the new object.
func TestCircleThatIsThereInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, certificates())
		set := w.backup(resourceKind)
		if err := w.server.Tenant(contoso).Delete(resourceAccess, certificate("b")); err != nil {
			t.Fatal(err)
		}
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		items := w.items(contoso, r.ID)
		a, b := items[certificateRef("a")], items[certificateRef("b")]
		if a.Decision != restore.Update || a.Result != restore.Verified || b.Decision != restore.Create || b.Result != restore.Verified {
			t.Errorf("a is %s %s (%s), and b %s %s (%s), want both verified", a.Decision, a.Result, a.Message, b.Decision, b.Result, b.Message)
		}
		doc, err := w.server.Tenant(contoso).Get(resourceAccess, certificate("a"))
		if root := contract.Text(contract.Member(doc, "rootCertificateId")); err != nil || root != b.Object {
			t.Errorf("a leads to %s, want %s: %v", root, b.Object, err)
		}
	})
}
