//! Places where a read can hide, one by one.

/// Every place: a condition a line. The name that it reads in the end stands where a walk that looks for
/// plain paths only, or that stops too early, does not find it.
pub(super) fn places() -> impl Iterator<Item = &'static str> {
    let lines = PLACES.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
}

const PLACES: &str = r#"
// Whole variables as values.
[context].contains({"flag": true}) || context.flag
{"all": context}.all.flag
{"all": context}.all == {"all": context.record}.all
principal == User::"a"
[principal, resource].contains(resource.entity)
{"who": principal}.who.flag
{"who": {"whom": resource}}.who.whom.record has flag
{"who": principal}.who in Group::"g"
{"who": principal.entity} == {"who": context.entity}
// Branches.
(if context.flag then principal else resource).flag
(if context.flag then principal else (if principal.flag then resource else context.entity)) has flag
(if context.flag then principal else context.entity) in Group::"h"
(if context.flag then principal.record else {"flag": resource.flag}).flag
(if context.flag then context else {"flag": false}).flag
(if principal has flag then principal.entity else User::"b").text like "*\**"
if principal.flag then resource.flag else context.flag
(if true then context.set else []).isEmpty()
[if context.flag then principal else resource].contains(principal)
// Chains of `has`.
context has record.flag
principal has entity.entity.flag
resource has entity.record.flag && resource.entity.record.flag
User::"b" has entity.flag
principal["entity"]["entity"]["flag"]
// Tags.
principal.hasTag(context.text)
principal.hasTag(context.text) && principal.getTag(context.text) == "text"
principal.getTag(if context.flag then "text" else "flag") == true
principal.getTag(context.text).flag
principal.getTag(context.text) in Group::"g"
principal.getTag(context.text) is User
principal.getTag("entity").getTag("entity") == resource
principal.getTag("entity").getTag("entity").flag
principal.getTag("entity").hasTag("flag")
context.entity.hasTag("flag") || context.entity.hasTag("")
context.entity.hasTag(principal.text)
principal.getTag("record").flag
// Hierarchies.
principal in [Group::"g", Group::"h"]
principal in resource.set
principal in [resource.entity, context.entity]
principal in [] || context.flag
principal.entity in resource.entity
Doc::"x" in context.entity
User::"a" in Group::"g"
action in [context.entity]
action in [Action::"all", resource.entity]
principal.getTag("entity") in resource
resource.entity is Group in Group::"i"
principal is User in resource.entity
(if context.flag then principal else resource) is User in Group::"g"
context.record.entity is User
// Entities that the policy names.
User::"b".flag
User::"a" has text && User::"a".text == principal.text
Group::"g".getTag("text") like "a*"
Folder::"".record.flag
(if User::"b".flag then User::"a" else User::"b") == principal
User::"a".entity == principal.entity
// Sets.
context.set.contains(principal)
context.set.containsAny([principal, resource, "text"])
context.set.containsAll([principal.entity])
context.set.containsAll([])
context.set.containsAny(principal.set)
["text", resource.text].containsAll([context.text])
[principal.text].contains(context.text)
[].contains(context.text)
[principal.flag].isEmpty()
[[principal.flag]] == [[true]]
[{"x": context.number}].contains({"x": 1})
context.set == resource.set
// Operators and functions.
context.text like "a*"
principal.number + resource.number * 2 - (-context.number) > 0
principal.flag == resource.flag && context.flag != principal.flag
context.ip.isInRange(principal.ip) && !(resource.ip.isLoopback() || resource.ip.isMulticast())
ip(context.text).isIpv4()
decimal(context.text).lessThan(principal.decimal)
context.decimal.greaterThan(principal.decimal)
context.moment.offset(principal.span).toTime() < resource.span
context.moment.durationSince(principal.moment).toHours() == 0
context.moment.toDate() == principal.moment.toDate()
!principal.flag || (resource has flag && resource.flag)
principal.flag && "text"
false && principal.flag || resource.flag
!(context["flag"] == (principal has ""))
// The time.
[context.now].contains(context.moment)
{"now": context.now}.now < context.moment
context.now < context.moment
context.now.offset(duration("59m")) < datetime("2026-11-25T08:00:00Z")
context.now.toDate() == datetime("2026-11-25")
context.now == datetime("2026-11-25T08:00:00Z")
datetime("2026-11-25T08:00:00.001Z") > context.now
context.now.toTime() != duration("8h")
duration("7h59m59s999ms") >= context.now.toTime()
context.now <= context.grant.until
!(context has grant.until) || context.grant.until == context.now
(if context.flag then context.now else context.moment) < datetime("2026-11-25T08:00:00Z")
"#;
