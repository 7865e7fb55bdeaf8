// Package delegation says which roles may speak for a target path, and in which
// order to ask them.
//
// It does not load files, verify signatures or fetch anything. Package verify
// gives it the verified files of the roles that it asks for.
//
// A [Walk] is the search for one target path:
//
//	w := delegation.NewWalk("app.tar.gz", delegation.Options{})
//	for {
//		next, ok := w.Next()
//		if !ok {
//			break
//		}
//		// load verifies the file of next.Role with the keys that next.By lists.
//		if err := w.Visit(load(next)); err != nil {
//			return err
//		}
//	}
//	target, err := w.Result()
//
// The caller must:
//
//   - verify each file for the delegation that [Walk.Next] returns, not only
//     for the name of the role ([roles.TopLevel], [roles.Delegated]);
//   - stop the search if a file is not available, because another role must not
//     answer in its place (R-5.6.7f);
//   - not confuse [ErrNoTarget], which is an answer, with any other error.
//
// # Other parts
//
// [RolesFor] lists the roles that one role delegates a path to. [Match]
// compares a path with one pattern.
package delegation
