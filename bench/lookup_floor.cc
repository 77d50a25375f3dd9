/// The floor of a look-up: one statement with one parameter on a warm connection.
/// usage: lookup_floor URL STATEMENT < keys; prints the microseconds of each look-up.
#include <libpq-fe.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) return std::fputs(PQerrorMessage(connection), stderr), 1;
  std::string key;
  while (std::getline(std::cin, key)) {
    const char* values[] = {key.c_str()};
    const Oid types[] = {20};
    auto began = std::chrono::steady_clock::now();
    PGresult* result = PQexecParams(connection, argv[2], 1, types, values, nullptr, nullptr, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) return std::fputs(PQerrorMessage(connection), stderr), 1;
    PQclear(result);
    std::printf("%.1f\n", std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
  }
  PQfinish(connection);
}
