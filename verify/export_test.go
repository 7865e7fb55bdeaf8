package verify

// StoreName returns the name under which a targets role's file is saved.
var StoreName = roleName
