// Package audit keeps who used the console and how: logins, changes, and each
// read of data that is masked for others.
//
// It is a file of the data directory to which lines are added and never changed:
// JSON objects, each with the hash of the one before, so that a line that was
// altered or removed shows. It is beside the store because logins have to be
// recorded while the store is away. The history of findings is in the store.
package audit
