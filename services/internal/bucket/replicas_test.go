package bucket

const replicaOf = "TUFWALK_TEST_REPLICA"

func beReplica(string) {}
