package verify

// RecordName is the saved name of a targets role.
var RecordName = roleName
