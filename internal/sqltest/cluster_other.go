//go:build !unix

package sqltest

import "syscall"

func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, ErrNoPostgres }
