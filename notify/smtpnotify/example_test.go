package smtpnotify_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/smtpnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

func ExampleNew() {
	mailer, err := smtpnotify.New(smtpnotify.Config{
		Addr:   "smtp.example.com:587",
		From:   "TenantAtlas <atlas@example.com>",
		User:   "atlas@example.com",
		Secret: func(context.Context) (string, error) { return os.Getenv("SMTP_PASSWORD"), nil },
		// A program looks in its directory of users.
		Address: func(_ context.Context, who runs.Actor) (string, error) { return who.ID + "@example.com", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	channel := notify.Channel{Name: "mail", Notifier: mailer} // of a notify.Courier
	fmt.Println(channel.Name)
	// Output: mail
}
