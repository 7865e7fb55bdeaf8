// Package delegation says which roles may speak for a target path, and in which
// order to ask them. It loads nothing, verifies nothing and fetches nothing:
// package verify brings it the roles that it asks for.
//
// [For] lists the roles that one role delegates a path to. A [Walk] is the
// whole search for one path, through as many roles as it takes:
//
//	w := delegation.NewWalk("app.tar.gz", delegation.Options{})
//	for {
//		edge, ok := w.Next()
//		if !ok {
//			break
//		}
//		w.Visit(load(edge)) // signed by the keys that edge.Delegator lists for edge.Role
//	}
//	info, err := w.Result()
package delegation
