package main

func Example() {
	main()
	// Output: partially_succeeded 2 a.csv:2 The row has no date.
}
