# The demonstration.

demo-mesh = { $nodes } homes, tied together by grants: county, townships, villages
demo-started = { $nodes } processes run, each dialling the one above it
demo-process = { $name }: process { $process }, home { $home }
demo-places = The county names { $places } places; the names flow down
demo-imported = { $name } imports its ledger: { $rows } rows, { $new } new, { $skipped } skipped, { $rejected } rejected, { $gaps } gaps
demo-first-sync = All nodes agree on { $scopes } scopes
demo-off-line = Off line: { $names }
demo-visits = { $visits ->
    [one] { $visits } visit recorded off line
   *[other] { $visits } visits recorded off line
}
demo-both-edit = { $village } and { $township } write the same elder's phone, neither knowing of the other
demo-back = Back on line
demo-converged = All nodes agree again on { $scopes } scopes
demo-agreeing = scopes agree
demo-same = same
demo-different = different
demo-conflict = Conflict kept: { $elder }, { $field }: { $effective } takes effect, { $others } is kept beside it
demo-totals = { $nodes } nodes · { $elders ->
    [one] { $elders } elder
   *[other] { $elders } elders
} · { $entries ->
    [one] { $entries } entry
   *[other] { $entries } entries
} · { $conflicts ->
    [one] { $conflicts } conflict
   *[other] { $conflicts } conflicts
} · { $bytes } on the wire · { $seconds } s
demo-kept =
    The homes are in { $path }. To explore them:
      shouwang --home { $path }/shanghe --key-file { $path }/demo.key elder list
      shouwang --home { $path }/county --key-file { $path }/demo.key status
      shouwang --home { $path }/songwu --key-file { $path }/demo.key verify
