#include "connectors/postgres/postgres_parameters.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>

#include <libpq-fe.h>

#include "base/nearest.h"

namespace weir::postgres {
namespace {

using Keywords = std::vector<std::pair<std::string, std::string>>;

/// What a URL may set. Everything about TLS has an option of its own, so that one place decides it.
const std::vector<std::string> kAllowedInUrl = {"host",
                                                "hostaddr",
                                                "port",
                                                "user",
                                                "password",
                                                "dbname",
                                                "target_session_attrs",
                                                "sslcert",
                                                "sslkey",
                                                "options",
                                                "keepalives",
                                                "keepalives_idle",
                                                "keepalives_interval",
                                                "keepalives_count",
                                                "tcp_user_timeout",
                                                "channel_binding",
                                                "krbsrvname"};

/// libpq looks into the home directory for passwords, certificates and authorities unless a path is given. A path that
/// does not exist means "none" to it, and an empty one "the default".
constexpr const char* kNoFile = "/nonexistent/weir";

/// Where distributions keep the authorities that the system trusts; libpq 15 cannot ask OpenSSL for them.
constexpr std::array kSystemAuthorities = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

std::string value_of(const Keywords& keywords, std::string_view name, const std::string& fallback = {}) {
  const auto found =
      std::find_if(keywords.begin(), keywords.end(), [&](const auto& pair) { return pair.first == name; });
  return found == keywords.end() ? fallback : found->second;
}

void set(Keywords& keywords, std::string_view name, std::string value) {
  std::erase_if(keywords, [&](const auto& pair) { return pair.first == name; });
  keywords.emplace_back(name, std::move(value));
}

void set_default(Keywords& keywords, std::string_view name, std::string value) {
  if (value_of(keywords, name).empty()) set(keywords, name, std::move(value));
}

Status check_keyword(const std::string& name) {
  if (std::find(kAllowedInUrl.begin(), kAllowedInUrl.end(), name) != kAllowedInUrl.end()) return {};
  if (name.starts_with("ssl") || name == "requiressl" || name.starts_with("gss")) {
    return fail(ErrorCode::invalid_option, "connection.url: parameter '" + name + "' is not taken from the URL",
                "use connection.tls and connection.tls_root_cert");
  }
  return fail(ErrorCode::invalid_option, "connection.url: parameter '" + name + "' is not known",
              did_you_mean(name, kAllowedInUrl));
}

/// Whether an unencoded / or ? in the password has moved parts of it into other places, from where messages show them.
bool is_torn(std::string_view url, const Keywords& keywords) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const size_t authority_end = rest.find_first_of("/?");
  if (authority_end != rest.npos && rest.find('@', authority_end) != rest.npos) return true;
  return value_of(keywords, "port").find_first_not_of("0123456789,") != std::string::npos;
}

Result<Keywords> parse_url(const std::string& url) {
  // libpq's own message is not used: it quotes the URL, and with it a password.
  const auto malformed = [] {
    return fail(ErrorCode::invalid_option, "connection.url is not a PostgreSQL URL",
                "write postgres://user@host:port/database, with special letters percent-encoded");
  };
  if (!url.starts_with("postgres://") && !url.starts_with("postgresql://")) return malformed();
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(url.c_str(), nullptr),
                                                                              &PQconninfoFree);
  if (parsed == nullptr) return malformed();
  Keywords keywords;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; option++) {
    if (option->val == nullptr || *option->val == '\0') continue;
    WEIR_TRY(check_keyword(option->keyword));
    keywords.emplace_back(option->keyword, option->val);
  }
  if (is_torn(url, keywords)) return malformed();
  return keywords;
}

Result<std::string> system_authorities() {
  for (const char* path : kSystemAuthorities) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return fail(ErrorCode::invalid_option, "connection.tls 'verify-full' finds no authorities of this system",
              "install the package ca-certificates, or set connection.tls_root_cert");
}

Status set_tls(Keywords& keywords, const PostgresOptions& options) {
  std::string authorities = options.tls_root_cert.empty() ? kNoFile : options.tls_root_cert;
  std::string mode;
  switch (options.tls) {
    case Tls::disabled:
      mode = "disable";
      break;
    case Tls::required:
      mode = options.tls_root_cert.empty() ? "require" : "verify-ca";
      break;
    case Tls::verify_full:
      mode = "verify-full";
      if (options.tls_root_cert.empty()) authorities = WEIR_TRY(system_authorities());
      break;
  }
  set(keywords, "sslmode", std::move(mode));
  set(keywords, "sslrootcert", std::move(authorities));
  set_default(keywords, "sslcert", kNoFile);
  set_default(keywords, "sslkey", kNoFile);
  // Encryption by Kerberos would go around connection.tls.
  set(keywords, "gssencmode", "disable");
  return {};
}

/// A peer that vanished is noticed within about a minute instead of hours.
void set_keepalives(Keywords& keywords) {
  set_default(keywords, "keepalives_idle", "30");
  set_default(keywords, "keepalives_interval", "10");
  set_default(keywords, "keepalives_count", "3");
  set_default(keywords, "tcp_user_timeout", "60000");
}

}  // namespace

Result<ConnectionParameters> make_parameters(const PostgresOptions& options, const options::SecretResolver& secrets) {
  ConnectionParameters made;
  Keywords& keywords = made.keywords;
  keywords = WEIR_TRY(parse_url(WEIR_TRY(secrets.resolve(options.url))));
  if (!options.secret_ref.empty()) set(keywords, "password", WEIR_TRY(secrets.resolve(options.secret_ref)));
  set_default(keywords, "host", value_of(keywords, "hostaddr", "localhost"));
  set_default(keywords, "port", "5432");
  WEIR_TRY(set_tls(keywords, options));
  set_keepalives(keywords);
  set(keywords, "passfile", kNoFile);
  set(keywords, "client_encoding", "UTF8");
  set(keywords, "application_name", "weir");
  made.endpoint = value_of(keywords, "host") + ":" + value_of(keywords, "port") + "/" +
                  value_of(keywords, "dbname", value_of(keywords, "user"));
  return made;
}

}  // namespace weir::postgres
