#include "connector/registry.h"

#include <utility>

#include "base/nearest.h"

namespace weir::connector {

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::federation:
      return "federation";
    case Mode::sync:
      return "sync";
    case Mode::both:
      return "both";
  }
  std::unreachable();
}

std::optional<Mode> mode_of(std::string_view text) {
  for (const Mode mode : {Mode::federation, Mode::sync, Mode::both}) {
    if (text == to_string(mode)) return mode;
  }
  return std::nullopt;
}

std::vector<options::Option> identity_options() {
  return {
      {.name = "name",
       .doc = "The connector's name, which is its catalog in SQL: letters, digits and _, not a digit first.",
       .example = "pg_prod",
       .required = true},
      {.name = "type", .doc = "The kind of external system.", .example = "postgres", .required = true},
      {.name = "mode",
       .doc = "What is done with the source: read live, kept as a synced copy, or both.",
       .example = "federation",
       .default_value = "federation",
       .choices = {"federation", "sync", "both"}},
  };
}

Result<const Type*> Registry::find(std::string_view name) const {
  std::vector<std::string> known;
  for (const Type& type : types_) {
    if (type.name == name) return &type;
    known.emplace_back(type.name);
  }
  std::string hint = did_you_mean(name, known);
  if (hint.empty()) {
    hint = "Known types:";
    for (const std::string& type : known) hint += " " + type;
  }
  return fail(ErrorCode::invalid_option, "unknown connector type: '" + std::string(name) + "'", std::move(hint));
}

}  // namespace weir::connector
