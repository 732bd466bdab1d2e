;; A repair tool of contract 0.3.0, by hand: every later host has to load it and to understand what it says.
;; It declines with its own parameters; once the host has waited, it proposes to start `web`.
(module
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  (data (i32.const 1024) "golden")
  (data (i32.const 1032) "1.0.0")
  (data (i32.const 1040) "Says what it was given.")
  (data (i32.const 1064) "docker-port-conflict")
  (data (i32.const 1088) "compose-up")
  (data (i32.const 1104) "{\"type\":\"object\"}")
  (data (i32.const 1124) "because")
  (data (i32.const 1132) "web")
  (data (i32.const 1136) "a note")
  ;; lists of one: address and length of the text
  (data (i32.const 1144) "\28\04\00\00\14\00\00\00")
  (data (i32.const 1152) "\40\04\00\00\0a\00\00\00")
  (data (i32.const 1160) "\6c\04\00\00\03\00\00\00")
  (data (i32.const 1168) "\70\04\00\00\06\00\00\00")
  ;; manifest: id, version, summary, handles, sees, may, params-schema
  (data (i32.const 1200)
    "\00\04\00\00\06\00\00\00" "\08\04\00\00\05\00\00\00" "\10\04\00\00\17\00\00\00"
    "\78\04\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00" "\80\04\00\00\01\00\00\00"
    "\50\04\00\00\11\00\00\00")
  ;; an action compose-up of one service
  (data (i32.const 1280) "\01\00\00\00" "\88\04\00\00\01\00\00\00")
  ;; ok(propose(reason, 900, [compose-up])) with one note
  (data (i32.const 1344)
    "\00\00\00\00" "\00\00\00\00" "\64\04\00\00\07\00\00\00" "\84\03\00\00" "\00\05\00\00\01\00\00\00"
    "\90\04\00\00\01\00\00\00")
  ;; ok(decline(…)) with one note; address and length are filled in
  (data (i32.const 1408)
    "\00\00\00\00" "\03\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\90\04\00\00\01\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "repair:tool/repair@0.3.0#describe") (result i32) (i32.const 1200))
  ;; class, confidence, facts, proof, contradictions, observations, params, history, waited-seconds
  (func (export "repair:tool/repair@0.3.0#propose")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (param $params i32) (param $length i32) (param i32 i32)
    (param $waited i32) (result i32)
    (if (local.get $waited) (then (return (i32.const 1344))))
    (i32.store (i32.const 1416) (local.get $params))
    (i32.store (i32.const 1420) (local.get $length))
    (i32.const 1408)))
