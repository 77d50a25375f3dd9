/// A declaration for the tests of this folder, shaped like a connector's.
#pragma once

#include "options/options.h"

namespace weir::options::example {

inline const Group& connection() {
  static const Group group{
      .name = "connection",
      .doc = "How the source is reached.",
      .options = {
          {.name = "url", .doc = "Where it is.", .example = "postgres://app@db:5432/app", .required = true},
          {.name = "secret_ref", .doc = "The password.", .example = "$env:PG_PASSWORD", .secret = true},
          {.name = "tls",
           .doc = "Encryption | checks.",
           .default_value = "required",
           .choices = {"required", "disabled"}},
          {.name = "pool_size",
           .type = ValueType::integer,
           .doc = "Connections.",
           .example = "10",
           .default_value = 5,
           .minimum = 1,
           .maximum = 50},
          {.name = "sample", .type = ValueType::number, .doc = "Share.", .minimum = 0, .maximum = 1},
          {.name = "read_only", .type = ValueType::boolean, .doc = "Never writes.", .default_value = true},
      }};
  return group;
}

inline const Group& scope() {
  static const Group group{
      .name = "scope",
      .doc = "Which tables can be seen.",
      .options = {
          {.name = "include_schemas", .type = ValueType::string_list, .doc = "Schemas.", .example = R"(["public"])"},
          {.name = "flatten_depth", .type = ValueType::integer, .doc = "Depth.", .default_value = 2, .minimum = 0}}};
  return group;
}

inline const Group& body() {
  static const Group group{
      .name = "body",
      .doc = "A connector.",
      .options = {{.name = "name", .doc = "Name.", .example = "pg_prod", .required = true},
                  {.name = "connection",
                   .type = ValueType::group,
                   .doc = "How it is reached.",
                   .required = true,
                   .group = &connection()},
                  {.name = "scope", .type = ValueType::group, .doc = "What is seen.", .group = &scope()}}};
  return group;
}

}  // namespace weir::options::example
