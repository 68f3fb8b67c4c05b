module github.com/tenantatlas/tenantatlas

go 1.26
