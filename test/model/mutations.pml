/* Names for -DMUTATION=name: what a model leaves out or does in another order, for spin to find. */
#define none 0
#define drop_repair 1
#define no_generation_check 2
#define impatient 3
#define plain_release 4
#define no_timeout 5
#define no_abandoned_check 6
#define no_own_check 7
#define no_abandoning 8
#define early_unlock 9
#define no_fence_before_repair 10
#define no_start_time 11
#define two_reapers 12
#define reap_without_claim 13
#define no_torn_mark 14
#define stale_start_time 15
#define id_returns_at_once 16
#define no_clearing 17
#define no_barrier 18
#define no_wait 19
#define no_gate_check 20
#define share_without_waiting 21
#define plain_shared_free 22
#define release_without_waiting 23
#define repair_without_waiting 24
#define one_fence 25
#define no_rebuild 27

#ifndef MUTATION
#define MUTATION none
#endif
