// SPDX-License-Identifier: Apache-2.0
// Runs the simulated system: its console or its bridge, and what happens at the DRAM.
//
// usage: PROGRAM limit figures kept [bridge] [+NAME=VALUE]...
//
// limit    cycles after which the system has not ended by itself and is stopped
// figures  is written at the end: cycles and DRAM commands in each phase of the sampler, as JSON
// kept     is written: the bytes that the sampler sent on m_axis
// bridge   the serial port is a bridge: it listens on the loopback address, prints the port, serves one client
// NAME     is for $value$plusargs in the Verilog
//
// Without a bridge, the serial port is the console. With one, time passes only while a command is under way, so
// that a run depends on the commands alone.
//
// Exit status: 0 if the system said that all was right or the client has left, 1 if not.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vsystem.h"
#include "verilated.h"

namespace {

constexpr unsigned RIGHT = 1, PHASES = 4, BANKS = 256;
constexpr uint64_t RESET = 16, READY = 32;  // cycles until the reset falls, and until the system has seen it

// DRAM commands in one phase of the sampler. A hit is a read or write in a row that served one before.
struct Counts {
    uint64_t cycles, activate, read, write, precharge, refresh, hits;
};

class Dram {
  public:
    void watch(const Vsystem& top) {
        Counts& now = counts[top.job_busy ? 1 + top.job_phase : 0];
        ++now.cycles;
        const unsigned any = top.dram_activate | top.dram_read | top.dram_write | top.dram_precharge | top.dram_refresh;
        if (!any) return;
        for (unsigned phase = 0; phase < PHASES; ++phase) {
            if (!(any >> phase & 1)) continue;
            const unsigned bank = top.dram_bank >> 8 * phase & (BANKS - 1);
            if (top.dram_activate >> phase & 1) ++now.activate, fresh[bank] = true;
            if (top.dram_precharge >> phase & 1) ++now.precharge;
            if (top.dram_refresh >> phase & 1) ++now.refresh;
            const bool read = top.dram_read >> phase & 1, write = top.dram_write >> phase & 1;
            now.read += read;
            now.write += write;
            if (read || write) now.hits += !fresh[bank], fresh[bank] = false;
        }
    }

    void save(const char* path, uint64_t cycles) const {
        std::ofstream file(path);
        file << "{\"cycles\": " << cycles << ", \"phases\": {";
        const char* between = "";
        for (const auto& [phase, c] : counts) {
            file << between << "\"" << static_cast<int>(phase) - 1 << "\": {\"cycles\": " << c.cycles
                 << ", \"activate\": " << c.activate << ", \"read\": " << c.read << ", \"write\": " << c.write
                 << ", \"precharge\": " << c.precharge << ", \"refresh\": " << c.refresh << ", \"hits\": " << c.hits << "}";
            between = ", ";
        }
        file << "}}\n";
    }

  private:
    std::map<unsigned, Counts> counts;
    bool fresh[BANKS] = {};
};

// The client's side of the bridge: commands of LiteX's bridge over serial ports.
class Bridge {
  public:
    Bridge() {
        const int listener = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        socklen_t length = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) || listen(listener, 1))
            throw std::runtime_error("cannot listen on the loopback address");
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
        std::printf("port %u\n", ntohs(address.sin_port));
        std::fflush(stdout);
        client = accept(listener, nullptr, nullptr);
        close(listener);
        const int now = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
    }

    // Waits until there is something to do; false when the client has left.
    bool wait() {
        if (!in.empty() || answers) return true;
        if (!out.empty() && send(client, out.data(), out.size(), MSG_NOSIGNAL) < 0) return false;
        out.clear();
        uint8_t buffer[4096];
        const ssize_t got = recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) return false;
        in.insert(in.end(), buffer, buffer + got);
        return true;
    }

    void give(Vsystem& top) {
        top.serial_sink_valid = !in.empty();
        if (!in.empty()) top.serial_sink_data = in.front();
        top.serial_source_ready = 1;
    }

    void take(const Vsystem& top) {
        if (top.serial_source_valid) out.push_back(top.serial_source_data), --answers;
        if (top.serial_sink_valid && top.serial_sink_ready) {
            follow(in.front());
            in.pop_front();
        }
    }

  private:
    // Command, words, four bytes of address and, of a write, the words.
    void follow(uint8_t byte) {
        if (place == 0) reads = byte == 2 || byte == 4;
        if (place == 1) words = byte;
        const unsigned length = 6 + (reads ? 0 : 4 * words);
        if (++place < 6 || place < length) return;
        if (reads) answers += 4 * words;
        place = 0;
    }

    int client;
    std::deque<uint8_t> in;
    std::vector<uint8_t> out;
    unsigned place = 0, words = 0, answers = 0;
    bool reads = false;
};

}  // namespace

double sc_time_stamp() { return 0; }

int main(int argc, char** argv) try {
    if (argc < 4) throw std::runtime_error("usage: PROGRAM limit figures kept [bridge] [+NAME=VALUE]...");
    const uint64_t limit = std::stoull(argv[1]);
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vsystem top(&context, "");  // no name before those of the Verilog
    Dram dram;
    Bridge* const bridge = argc > 4 && !std::strcmp(argv[4], "bridge") ? new Bridge : nullptr;
    std::ofstream kept(argv[3], std::ios::binary);
    top.serial_source_ready = 1;
    uint64_t cycles = 0;
    for (; !top.finish && cycles < limit; ++cycles) {
        top.sys_rst = cycles < RESET;
        const bool connected = bridge && cycles >= READY;
        if (connected) {
            if (!bridge->wait()) break;
            bridge->give(top);
        }
        top.sys_clk = 0;
        top.eval();
        if (!top.sys_rst) {
            dram.watch(top);
            if (connected) bridge->take(top);
            if (!bridge && top.serial_source_valid) std::putchar(top.serial_source_data);
            if (top.kept_valid && top.kept_ready)
                kept.write(reinterpret_cast<const char*>(&top.kept_data), sizeof top.kept_data);
        }
        top.sys_clk = 1;
        context.timeInc(1);
        top.eval();
    }
    top.final();
    dram.save(argv[2], cycles);
    if (cycles == limit) throw std::runtime_error("the system has not ended within " + std::to_string(limit) + " cycles");
    return bridge || top.finish == RIGHT ? 0 : 1;
} catch (const std::exception& problem) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
}
